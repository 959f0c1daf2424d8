-- fill_slots: spreads free units of a SKU that has none in this schema over slots, evenly, and books them.
-- Part of create_sku, move_sku and receive_sku.
--
-- Parameters: p_sale, p_sku; p_units; p_slots; p_kind, load or move
-- Result: none
-- Tables: writes stock_slot, stock_movement
-- Locks: none of its own
-- Errors: 23505 it has slots here

CREATE OR REPLACE FUNCTION :schema.fill_slots(
  p_sale text, p_sku text, p_units bigint, p_slots int, p_kind text
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH filled AS (
    INSERT INTO stock_slot (sku, slot, remaining)
    SELECT p_sku, n, p_units / p_slots + (n <= p_units % p_slots)::int
    FROM generate_series(1, p_slots) AS n
    RETURNING slot, remaining
  )
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  SELECT p_sale, p_sku, f.slot, p_kind, f.remaining FROM filled f WHERE f.remaining > 0
$routine$;

ALTER FUNCTION :schema.fill_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.fill_slots IS
  'Spreads units of a SKU over slots: part of create_sku, move_sku and receive_sku';
REVOKE ALL ON FUNCTION :schema.fill_slots FROM PUBLIC;
