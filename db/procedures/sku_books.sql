-- sku_books: returns what this server knows of the users of a SKU that has moved between two servers. audit
-- compares it with the rows of the other server. Call it on each server, in the schema that lives there.
--
-- Parameters: p_sku
-- Result: one row for each user and entry, in one snapshot
--   buyer        the units that the user limit is judged by; only where the SKU lives
--   held         the units of the user's orders
--   transferred  the units of the user in transfer transfer_no to the other server. They still count as the
--                user's until it is applied
--   applied      without a user: transfer_no is the last transfer of the other server that was applied here,
--                units is the sum of it and all before
--   sent         without a user: units is the sum of transfer transfer_no to the other server and all before
--   hot_home is the hot home that the transfers go to or come from; this server itself if it is a hot home
-- Tables: reads catalog.sku, buyer, orders, transfer_mark; transfer of the other schema
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.sku_books(p_sku text)
RETURNS TABLE (entry text, user_id text, units bigint, transfer_no bigint, hot_home text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH transfers AS (
    -- Those that were applied long ago compare equal for good.
    SELECT w.* FROM (SELECT r.* FROM regular.transfer r WHERE current_schema() = 'hot'
                     UNION ALL SELECT h.* FROM hot.transfer h WHERE current_schema() = 'regular') w
    WHERE w.sku = p_sku AND (w.done_at IS NULL OR w.done_at > now() - interval '10 minutes'))
  SELECT 'buyer', b.user_id, b.units::bigint, NULL::bigint, NULL::text
  FROM buyer b JOIN catalog.sku k ON k.sku = b.sku AND k.sale = b.sale
  WHERE b.sku = p_sku AND k.schema = current_schema() AND NOT k.abroad AND b.units <> 0
  UNION ALL
  SELECT 'held', o.user_id, sum(o.units), NULL, NULL
  FROM orders o WHERE o.sku = p_sku AND o.status IN ('ordered', 'paid') GROUP BY o.user_id
  UNION ALL
  SELECT 'transferred', l.user_id, l.units::bigint, p.transfer_no, p.hot_home
  FROM transfers p
  CROSS JOIN LATERAL (
    SELECT u.user_id, n.units
    FROM jsonb_array_elements_text(p.body->'users') WITH ORDINALITY AS u (user_id, at)
    JOIN jsonb_array_elements_text(p.body->'units') WITH ORDINALITY AS n (units, at) USING (at)
    WHERE p.kind = 'buyers') l
  UNION ALL
  SELECT 'transferred', p.body->>'user_id', p.units, p.transfer_no, p.hot_home FROM transfers p WHERE p.kind = 'payment'
  UNION ALL
  SELECT 'applied', NULL, m.units_applied, m.applied, m.hot_home FROM transfer_mark m WHERE m.sku = p_sku
  UNION ALL
  SELECT 'sent', NULL, p.units_total, p.transfer_no, p.hot_home FROM transfers p
$routine$;

ALTER FUNCTION :schema.sku_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.sku_books IS
  'What this server knows of the users of a SKU that has moved between two servers: for the audit';
REVOKE ALL ON FUNCTION :schema.sku_books FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.sku_books TO flashsale_worker, flashsale_ops, flashsale_readonly;
