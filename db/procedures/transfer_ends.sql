-- transfer_ends: returns this server's ends of the transfers to this schema. On the server where the schema
-- lives it is the receiver, on any other one the sender. flashsale after-restore compares both ends.
--
-- Parameters: none
-- Result: one row for each SKU and hot home
--   sent, units_sent        the last transfer that was written, and the units up to it; of the sender
--   done                    the last transfer that is known to be applied; of the sender
--   applied, units_applied  the last transfer that was applied, and the units up to it; of the receiver
--   is_here                 whether the SKU lives on this server
-- Tables: reads catalog.sku, transfer, transfer_mark
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.transfer_ends()
RETURNS TABLE (
  sku text, hot_home text, sent bigint, units_sent bigint, done bigint, applied bigint,
  units_applied bigint, is_here boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT m.sku, m.hot_home, m.sent, m.units_sent,
         (SELECT coalesce(min(t.transfer_no) - 1, m.sent) FROM transfer t
          WHERE t.sku = m.sku AND t.hot_home = m.hot_home AND t.done_at IS NULL),
         m.applied, m.units_applied, NOT k.abroad
  FROM transfer_mark m JOIN catalog.sku k ON k.sku = m.sku
$routine$;

ALTER FUNCTION :schema.transfer_ends OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.transfer_ends IS
  'The ends of the transfers to this schema that this server has: for flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.transfer_ends FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.transfer_ends TO flashsale_ops;
