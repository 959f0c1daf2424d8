-- copy_begin: makes the caller the one that copies buyers and outcomes of a SKU to here. Rows of any
-- other are refused from then on.
--
-- Parameters: p_sku; p_copier, a new id; p_take_over, even if another one has written within the last
--   three seconds
-- Result: one row: copied, since when sku_changes is to be asked (NULL: all); none if another one is
--   at it, or the SKU lives here
-- Tables: reads catalog.sku; writes transfer_mark
-- Locks: the transfer_mark row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.copy_begin(p_sku text, p_copier uuid, p_take_over boolean)
RETURNS TABLE (copied xid8)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  INSERT INTO transfer_mark AS m (sku, copier, copied_at)
  SELECT k.sku, p_copier, clock_timestamp() FROM catalog.sku k WHERE k.sku = p_sku AND k.abroad
  ON CONFLICT (sku) DO UPDATE SET copier = excluded.copier, copied_at = excluded.copied_at
    WHERE p_take_over OR m.copier IS NULL OR m.copied_at < clock_timestamp() - interval '3 s'
  RETURNING m.copied
$routine$;

ALTER FUNCTION :schema.copy_begin OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.copy_begin IS
  'Makes the caller the one that copies a SKU to here; no row if another one is at it';
REVOKE ALL ON FUNCTION :schema.copy_begin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_begin TO flashsale_worker, flashsale_ops;
