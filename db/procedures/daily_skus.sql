-- daily_skus: the SKUs with daily goods, and their time zones.
--
-- Parameters: none
-- Result: one row for each daily SKU
-- Tables: reads catalog.sku
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.daily_skus() RETURNS TABLE (sku text, zone text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- In plpgsql, because a routine of plain SQL is planned anew at every call.
  RETURN QUERY
  SELECT k.sku, k.zone FROM catalog.sku k WHERE k.goods = 'daily';
END
$routine$;

ALTER FUNCTION catalog.daily_skus OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.daily_skus IS 'The SKUs with daily goods, and their time zones';
REVOKE ALL ON FUNCTION catalog.daily_skus FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.daily_skus
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly, flashsale_console;
