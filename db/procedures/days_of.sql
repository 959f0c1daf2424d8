-- days_of: the last day of which a user has a unit of a daily SKU of this schema, and the days in a row up to
-- then. Whether that is today, the caller knows: a streak that ended before yesterday is over.
--
-- Parameters: p_sku, p_user_id
-- Result: last_day and streak, or no row if the user has no unit yet
-- Tables: reads catalog.sku, buyer
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.days_of(p_sku text, p_user_id text)
RETURNS TABLE (last_day date, streak int)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT b.last_day, b.streak FROM catalog.sku k
  JOIN buyer b ON b.sale = k.sale AND b.sku = k.sku AND b.user_id = p_user_id
  WHERE k.sku = p_sku AND b.last_day IS NOT NULL
$routine$;

ALTER FUNCTION :schema.days_of OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.days_of IS 'The last day of a user in a daily SKU, and the days in a row up to then';
REVOKE ALL ON FUNCTION :schema.days_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.days_of TO flashsale_web, flashsale_ops, flashsale_console;
