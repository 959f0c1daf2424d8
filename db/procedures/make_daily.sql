-- make_daily: makes a new SKU daily, or finds that it is so. Call it on each server, between the creation of the
-- SKU and its first order. The stock of daily goods does not end: create them with
-- 1,000,000,000 units.
--
-- Parameters
--   p_sku   the SKU. It costs nothing, and its user limit is 1
--   p_zone  the time zone whose calendar tells the day, such as Europe/Berlin, or UTC. Names without a place, such
--           as CET, are refused: PostgreSQL takes some of them for another zone than Node does
-- Result: true if the SKU became daily, false if it was so already, in this zone
-- Tables: reads buyer of both schemas; writes catalog.sku
-- Locks, in order: the catalog.sku row; the advisory lock of the SKU, exclusively
-- Errors: FS001 no zone with a place; FS002 no such SKU; FS003 it is daily in another zone, or has buyers as another kind of
--   goods; 22023 no such time zone; 23514 it has a price or another limit

CREATE OR REPLACE FUNCTION catalog.make_daily(p_sku text, p_zone text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_sku catalog.sku%ROWTYPE;
BEGIN
  IF (p_zone = 'UTC' OR p_zone LIKE '%_/_%') IS NOT TRUE THEN
    RAISE EXCEPTION 'daily goods have a time zone such as Europe/Berlin' USING ERRCODE = 'FS001';
  END IF;
  -- Fails if there is no such zone.
  PERFORM now() AT TIME ZONE p_zone;
  SELECT * INTO v_sku FROM sku k WHERE k.sku = p_sku FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  IF v_sku.zone = p_zone THEN RETURN false; END IF;
  -- It waits for the batches under way, so none of them decides by other terms after this.
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  IF v_sku.goods = 'daily'
     OR EXISTS (SELECT FROM regular.buyer b WHERE b.sale = v_sku.sale AND b.sku = p_sku)
     OR EXISTS (SELECT FROM hot.buyer b WHERE b.sale = v_sku.sale AND b.sku = p_sku) THEN
    RAISE EXCEPTION 'SKU % exists with other values', p_sku USING ERRCODE = 'FS003';
  END IF;
  UPDATE sku k SET goods = 'daily', zone = p_zone WHERE k.sku = p_sku;
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.make_daily OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.make_daily IS 'Makes a new SKU daily: one unit for each user and day of a zone';
REVOKE ALL ON FUNCTION catalog.make_daily FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.make_daily TO flashsale_ops, flashsale_console;
