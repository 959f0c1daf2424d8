-- request_facts: returns what is recorded about a request, for customer service: its outcome as it was decided,
-- and where it was admitted.
--
-- Parameters: p_request_id
-- Result: one row for each sale of this schema that has decided it, which is one; no row if it is not decided
--   here
--   sale        '' for a request of refused_request, which belongs to no sale; node is NULL then
--   node        the web node that admitted it; waiting for an order that was made for the waitlist
--   fenced_at   when that web node was settled as dead; NULL if it was not
--   asked_at    when the shopper joined the waitlist; NULL for every other request
--   status      the outcome; orders.status has what became of an order since
--   decided_at  when it was decided
-- Tables: reads outcome, fenced_node, waiting, refused_request
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.request_facts(p_request_id uuid)
RETURNS TABLE (
  request_id uuid, user_id text, sale text, sku text, units int, node text, fenced_at timestamptz,
  asked_at timestamptz, status text, reason text, order_no bigint, decided_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT c.request_id, c.user_id, c.sale, c.sku, c.units, c.node, f.fenced_at, w.asked_at, c.status,
         c.reason, c.order_no, c.decided_at
  FROM outcome c
  LEFT JOIN fenced_node f ON f.node = c.node
  LEFT JOIN waiting w ON c.node = 'waiting' AND w.user_id = c.user_id AND w.sku = c.sku
    AND w.sale = c.sale AND w.order_no = c.order_no
  WHERE c.request_id = p_request_id AND c.node <> 'copied'
  UNION ALL
  SELECT r.request_id, r.user_id, '', r.sku, 0, NULL, NULL, NULL, 'rejected', r.reason, NULL,
         r.refused_at
  FROM refused_request r
  WHERE r.request_id = p_request_id
    AND NOT EXISTS (SELECT FROM outcome k WHERE k.request_id = p_request_id)
$routine$;

ALTER FUNCTION :schema.request_facts OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.request_facts IS
  'What is recorded about a request: its outcome, and the web node that admitted it';
REVOKE ALL ON FUNCTION :schema.request_facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.request_facts TO flashsale_ops, flashsale_console;
