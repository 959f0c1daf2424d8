-- empty_slots: takes the free units of a SKU out of this schema and deletes its slots. Part of move_sku and
-- send_sku_to.
--
-- Parameters: p_sale, p_sku
-- Result: one row: units, the free units; slots, the number of slots that were deleted
-- Tables: writes stock_slot, stock_movement (kind move)
-- Locks: the slots. No other transaction can hold them, because the caller holds the advisory lock of the
--   SKU exclusively
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.empty_slots(p_sale text, p_sku text)
RETURNS TABLE (units bigint, slots int)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH gone AS (
    DELETE FROM stock_slot s
    WHERE s.sku = p_sku
      AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
    RETURNING s.slot, s.remaining
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT p_sale, p_sku, g.slot, 'move', -g.remaining FROM gone g WHERE g.remaining > 0
  )
  SELECT coalesce(sum(g.remaining), 0), count(*)::int FROM gone g
$routine$;

ALTER FUNCTION :schema.empty_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.empty_slots IS
  'Takes the free units of a SKU out of this schema: part of move_sku and send_sku_to';
REVOKE ALL ON FUNCTION :schema.empty_slots FROM PUBLIC;
