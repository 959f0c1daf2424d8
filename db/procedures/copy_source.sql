-- copy_source: returns where a round of copying begins. Call it on the server that the SKU comes from, in
-- the schema that the SKU goes to.
--
-- Parameters: p_sku
-- Result: one row
--   oldest   the oldest transaction that may still be running. The writes of all earlier ones are visible
--            to every later statement
--   home_no  the number of the transfer of kind home with which the SKU left, 0 if it has not left. A copy
--            that begins after this call has everything that was decided before
-- Tables: reads catalog.sku, catalog.home, transfer
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.copy_source(p_sku text)
RETURNS TABLE (oldest xid8, home_no bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT pg_snapshot_xmin(pg_current_snapshot()),
         (SELECT coalesce(max(t.transfer_no), 0)
          FROM transfer t JOIN catalog.sku k ON k.sku = t.sku AND k.abroad
          WHERE t.sku = p_sku AND t.hot_home = catalog.hot_home(k.hot_home) AND t.kind = 'home')
$routine$;

ALTER FUNCTION :schema.copy_source OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.copy_source IS
  'Returns where a round of copying a SKU to another server begins';
REVOKE ALL ON FUNCTION :schema.copy_source FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_source TO flashsale_worker, flashsale_ops;
