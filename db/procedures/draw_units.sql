-- draw_units: takes free units of a SKU of this schema out of its slots, for another home: all or none. Part of
-- adopt_transfers and forget_transfers, which hold the advisory lock of the SKU exclusively.
--
-- Parameters: p_sale, p_sku; p_units, 0 or more
-- Result: how many units are missing; 0: they were taken
-- Tables: writes stock_slot, stock_movement (kind move)
-- Locks: the slots. No other transaction can hold them
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.draw_units(p_sale text, p_sku text, p_units bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_free bigint := (SELECT coalesce(sum(s.remaining), 0) FROM stock_slot s WHERE s.sku = p_sku);
BEGIN
  IF v_free < p_units THEN RETURN p_units - v_free; END IF;
  WITH pile AS (
    SELECT s.slot, s.remaining,
           sum(s.remaining) OVER (ORDER BY s.remaining DESC, s.slot) - s.remaining AS before
    FROM stock_slot s WHERE s.sku = p_sku
  ), drawn AS (
    UPDATE stock_slot s SET remaining = s.remaining - t.units
    FROM (SELECT p.slot, least(p.remaining, p_units - p.before)::int AS units
          FROM pile p WHERE p.before < p_units AND p.remaining > 0) t
    WHERE s.sku = p_sku AND s.slot = t.slot
    RETURNING s.slot, t.units
  )
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  SELECT p_sale, p_sku, d.slot, 'move', -d.units FROM drawn d;
  RETURN 0;
END
$routine$;

ALTER FUNCTION :schema.draw_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.draw_units IS
  'Takes free units out of the slots of a SKU for another home: part of flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.draw_units FROM PUBLIC;
