-- transfer_ends: returns this server's ends of the transfers to this schema. On the server where the schema
-- lives it is the receiver, on any other one the sender. flashsale after-restore compares both ends.
--
-- Parameters: p_hot_home, as in transfers_to
-- Result: one row for each SKU, with zeros if it has no transfers
--   sent, units_sent        the last transfer that was written, and the units up to it; of the sender
--   done                    the last transfer that is known to be applied; of the sender
--   applied, units_applied  the last transfer that was applied, and the units up to it; of the receiver
--   is_here                 whether the SKU lives on this server
-- Tables: reads catalog.sku, transfer, transfer_mark
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.transfer_ends(p_hot_home text)
RETURNS TABLE (
  sku text, sent bigint, units_sent bigint, done bigint, applied bigint, units_applied bigint, is_here boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT k.sku, coalesce(m.sent, 0), coalesce(m.units_sent, 0),
         (SELECT coalesce(min(t.transfer_no) - 1, m.sent, 0) FROM transfer t
          WHERE t.sku = k.sku AND t.hot_home = p_hot_home AND t.done_at IS NULL),
         coalesce(m.applied, 0), coalesce(m.units_applied, 0), NOT k.abroad
  FROM catalog.sku k LEFT JOIN transfer_mark m ON m.sku = k.sku AND m.hot_home = p_hot_home
$routine$;

ALTER FUNCTION :schema.transfer_ends OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.transfer_ends IS
  'The ends of the transfers to this schema that this server has: for flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.transfer_ends FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.transfer_ends TO flashsale_ops;
