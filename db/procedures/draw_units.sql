-- draw_units: takes free units of a SKU of this schema out of its slots, from the fullest one first: all or none.
-- Part of take_units, adopt_transfers and forget_transfers.
--
-- Parameters
--   p_sale, p_sku
--   p_units  the units, 0 or more
--   p_kind   the kind of their movement: sale, or move if another home gets them
-- Result: how many units are missing; 0: they were taken
-- Tables: writes stock_slot, stock_movement
-- Locks: all slots of the SKU, ascending
-- Errors: FS500 the books do not balance (a bug)

CREATE OR REPLACE FUNCTION :schema.draw_units(
  p_sale text, p_sku text, p_units bigint, p_kind text
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_free   bigint;
  v_booked bigint;
BEGIN
  LOOP
    SELECT coalesce(sum(s.remaining), 0) INTO v_free
    FROM (SELECT a.remaining FROM stock_slot a
          WHERE a.sku = p_sku ORDER BY a.slot FOR UPDATE) s;
    EXIT WHEN (v_free < p_units) IS NOT TRUE;
    -- If set_slots has made slots during the wait, only a new look sees them.
    v_free := (SELECT coalesce(sum(s.remaining), 0) FROM stock_slot s WHERE s.sku = p_sku);
    IF v_free < p_units THEN RETURN p_units - v_free; END IF;
  END LOOP;

  WITH pile AS (
    SELECT s.slot, s.remaining,
           sum(s.remaining) OVER (ORDER BY s.remaining DESC, s.slot) - s.remaining AS before
    FROM stock_slot s WHERE s.sku = p_sku
  ), drawn AS (
    UPDATE stock_slot s SET remaining = s.remaining - t.units
    FROM (SELECT p.slot, least(p.remaining, p_units - p.before)::int AS units
          FROM pile p WHERE p.before < p_units AND p.remaining > 0) t
    WHERE s.sku = p_sku AND s.slot = t.slot AND s.remaining >= t.units
    RETURNING s.slot, t.units
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT p_sale, p_sku, d.slot, p_kind, -d.units FROM drawn d
    RETURNING units
  )
  SELECT coalesce(-sum(b.units), 0) INTO v_booked FROM booked b;
  IF v_booked <> p_units THEN
    RAISE EXCEPTION 'drew % units of % instead of %', v_booked, p_sku, p_units USING ERRCODE = 'FS500';
  END IF;
  RETURN 0;
END
$routine$;

ALTER FUNCTION :schema.draw_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.draw_units IS
  'Takes free units out of the slots of a SKU, all or none: part of take_units and flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.draw_units FROM PUBLIC;
