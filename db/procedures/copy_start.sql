-- copy_start: makes the caller the only copier of the buyers and outcomes of a SKU to this server. Rows
-- from any other copier are refused from then on. A copier that is slow, and whose SKU has moved on meanwhile,
-- must not overwrite rows that count, nor note for one home what it has read from another.
--
-- Parameters
--   p_hot_home   the hot home that the rows come from, or that this server is if they come from regular
--   p_sku        the SKU
--   p_copier     a new id for the caller
--   p_take_over  true: replace another copier even if it has written within the last three seconds
-- Result: one row with copied, the transaction id from which sku_changes has to be read (NULL: read all
--   rows). No row if another copier is at work, or if the copy is not wanted:
--     - the SKU lives here
--     - it has left this server, and is not known to have arrived: the rows here are the ones that count. If it has
--       arrived, the carrier of the other direction marks the transfer as applied, and the next copier may begin
--     - it has gone to another hot home than p_hot_home
-- Tables: reads catalog.home, catalog.sku, and transfer of both schemas; writes transfer_mark
-- Locks: the transfer_mark row, so that the SKU cannot come to this server in the meantime
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.copy_start(
  p_hot_home text, p_sku text, p_copier uuid, p_take_over boolean
) RETURNS TABLE (copied xid8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  INSERT INTO transfer_mark (sku, hot_home)
  SELECT k.sku, p_hot_home FROM catalog.sku k WHERE k.sku = p_sku AND k.abroad
  ON CONFLICT DO NOTHING;
  -- A statement of its own: the next one then sees a SKU that came while this one waited for the lock.
  PERFORM FROM transfer_mark m WHERE m.sku = p_sku AND m.hot_home = p_hot_home FOR UPDATE;
  RETURN QUERY
  UPDATE transfer_mark m SET copier = p_copier, copied_at = clock_timestamp()
  FROM catalog.sku k
  WHERE m.sku = p_sku AND m.hot_home = p_hot_home
    AND (p_take_over OR m.copier IS NULL OR m.copied_at < clock_timestamp() - interval '3 s')
    AND k.sku = p_sku AND k.abroad AND catalog.hot_home(k.hot_home) = p_hot_home
    -- One of the two is empty: a server sends only to schemas that do not live on it.
    AND NOT EXISTS (
      SELECT FROM (TABLE regular.transfer UNION ALL TABLE hot.transfer) t
      WHERE t.sku = p_sku AND t.hot_home = p_hot_home AND t.kind = 'home' AND t.done_at IS NULL)
  RETURNING m.copied;
END
$routine$;

ALTER FUNCTION :schema.copy_start OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.copy_start IS
  'Makes the caller the only copier of a SKU to this server; no row if another copier is at work, or the copy is not wanted';
REVOKE ALL ON FUNCTION :schema.copy_start FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_start TO flashsale_worker, flashsale_ops;
