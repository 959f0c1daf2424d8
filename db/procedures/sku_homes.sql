-- sku_homes: returns where each SKU lives, as this server knows it, and the units that left this server and
-- are not known to have arrived. One statement that calls it together with unit_counts or sale_board sees
-- one moment.
--
-- Parameters: none
-- Result: one row for each SKU
--   schema   the home where it lives: on a hot home's server regular stands for all other homes
--   abroad   whether that is on another server
--   moves    how often it has moved, as far as this server knows. The server with the higher number knows
--            better
--   leaving  free units on their way to the other server
-- Tables: reads catalog.home, catalog.sku, transfer of both schemas
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.sku_homes()
RETURNS TABLE (sku text, schema text, abroad boolean, moves int, leaving bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
SET enable_seqscan = off
AS $routine$
BEGIN
  RETURN QUERY
  SELECT k.sku, CASE k.schema WHEN 'hot' THEN catalog.hot_home(k.hot_home) ELSE k.schema END, k.abroad, k.moves, coalesce(t.units, 0)::bigint
  FROM catalog.sku k
  LEFT JOIN (
    SELECT w.sku, sum(w.units) AS units
    FROM (SELECT a.* FROM regular.transfer a UNION ALL SELECT b.* FROM hot.transfer b) w
    WHERE w.done_at IS NULL AND w.kind = 'home' GROUP BY w.sku) t ON t.sku = k.sku;
END
$routine$;

ALTER FUNCTION catalog.sku_homes OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sku_homes IS
  'Where each SKU lives, and its free units on their way to another server';
REVOKE ALL ON FUNCTION catalog.sku_homes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.sku_homes
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly,
     flashsale_console;
