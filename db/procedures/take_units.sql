-- take_units: takes free units of a SKU of this schema for a user, all or none, within the user limit. It
-- takes none unless the waitlist is open for units that come back (serve_waitlist). Part of pay_order of both
-- schemas and of transfer_units. Do not call it alone.
--
-- Parameters
--   p_sale, p_sku, p_user_id  the SKU and the user
--   p_units                   the units, 1 or more
--   p_kind                    the kind of their movement: sale, or move if an order of the other schema takes
--                             them
-- Result
--   true   the units were taken
--   false  too few units are free, the user limit does not allow them, the SKU or the sale is closed, or the
--          operators' state or quota forbids sales. Nothing was changed
--   NULL   the SKU lives in this schema of another server: ask that one. Nothing was changed
-- Tables: reads catalog.sku, catalog.sale; writes buyer and the tables of draw_units
-- Locks, in order: the buyer row; the locks of draw_units
-- Errors: those of draw_units

CREATE OR REPLACE FUNCTION :schema.take_units(
  p_sale text, p_sku text, p_user_id text, p_units int, p_kind text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_limit int;
BEGIN
  IF (SELECT k.abroad FROM catalog.sku k WHERE k.sku = p_sku) THEN RETURN NULL; END IF;
  SELECT k.user_limit INTO v_limit
  FROM catalog.sku k JOIN catalog.sale s ON s.sale = k.sale
  WHERE k.sku = p_sku AND k.state <> 'closed' AND k.line_open AND now() < s.closes_at;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO buyer AS b (sale, sku, user_id, units) VALUES (p_sale, p_sku, p_user_id, p_units)
  ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
    WHERE b.units + excluded.units <= v_limit;
  IF NOT FOUND THEN RETURN false; END IF;

  IF draw_units(p_sale, p_sku, p_units, p_kind) > 0 THEN
    UPDATE buyer b SET units = b.units - p_units
    WHERE b.user_id = p_user_id AND b.sku = p_sku AND b.sale = p_sale;
    RETURN false;
  END IF;
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.take_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.take_units IS
  'Takes free units for a user, all or none: part of pay_order and transfer_units';
REVOKE ALL ON FUNCTION :schema.take_units FROM PUBLIC;
