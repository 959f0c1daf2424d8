-- fill_slots: spreads free units evenly over new slots of a SKU that has no slots in this schema, and
-- records them in stock_movement. Part of create_sku, move_sku and receive_sku.
--
-- Parameters
--   p_sale, p_sku  the sale and the SKU
--   p_units        the free units
--   p_slots        the number of slots to make
--   p_kind         the kind of the movements: load or move
-- Result: none
-- Tables: writes stock_slot, stock_movement
-- Locks: none of its own
-- Errors: 23505 the SKU has slots in this schema

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
  'Spreads units of a SKU over new slots: part of create_sku, move_sku and receive_sku';
REVOKE ALL ON FUNCTION :schema.fill_slots FROM PUBLIC;
