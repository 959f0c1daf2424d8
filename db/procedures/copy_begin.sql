-- copy_begin: makes the caller the only copier of the buyers and outcomes of a SKU to this server. Rows
-- from any other copier are refused from then on.
--
-- Parameters
--   p_sku        the SKU
--   p_copier     a new id for the caller
--   p_take_over  true: replace another copier even if it has written within the last three seconds
-- Result: one row with copied, the transaction id from which sku_changes has to be read (NULL: read all
--   rows); no row if another copier is at work or the SKU lives here
-- Tables: reads catalog.sku; writes transfer_mark
-- Locks: the transfer_mark row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.copy_begin(p_sku text, p_copier uuid, p_take_over boolean)
RETURNS TABLE (copied xid8)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  INSERT INTO transfer_mark AS m (sku, hot_home, copier, copied_at)
  SELECT k.sku, catalog.hot_home(k.hot_home), p_copier, clock_timestamp()
  FROM catalog.sku k WHERE k.sku = p_sku AND k.abroad
  ON CONFLICT (sku, hot_home) DO UPDATE SET copier = excluded.copier, copied_at = excluded.copied_at
    WHERE p_take_over OR m.copier IS NULL OR m.copied_at < clock_timestamp() - interval '3 s'
  RETURNING m.copied
$routine$;

ALTER FUNCTION :schema.copy_begin OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.copy_begin IS
  'Makes the caller the only copier of a SKU to this server; no row if another copier is at work';
REVOKE ALL ON FUNCTION :schema.copy_begin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_begin TO flashsale_worker, flashsale_ops;
