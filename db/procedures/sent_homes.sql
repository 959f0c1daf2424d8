-- sent_homes: returns the transfers by which SKUs went to this schema of another server. Call it on the server that
-- sent them. flashsale after-restore looks for SKUs that have moved more than once in the lost time.
--
-- Parameters: p_hot_home, as in transfers_to
-- Result: one row for each move of the last seven days (transfers_applied removes older ones)
--   sku, transfer_no
--   sent_at, done_at  when the SKU left this server, and when this server knew that it had arrived; NULL: not yet
-- Tables: reads transfer
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.sent_homes(p_hot_home text)
RETURNS TABLE (sku text, transfer_no bigint, sent_at timestamptz, done_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT t.sku, t.transfer_no, t.sent_at, t.done_at FROM transfer t
  WHERE t.kind = 'home' AND t.hot_home = p_hot_home
$routine$;

ALTER FUNCTION :schema.sent_homes OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.sent_homes IS
  'The moves of SKUs from this server to this schema of another one: for flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.sent_homes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.sent_homes TO flashsale_ops;
