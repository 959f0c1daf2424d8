-- payment_failures: counts the refunds and the payment sessions that failed, for alerts. It reads an index that has
-- only these, and one order for each: its time does not depend on the size of the sale.
--
-- Parameters: p_limit, the largest number of refunds, and of sessions, that are counted
-- Result: one row for each SKU with such refunds or sessions
--   refunds   payments that have to go back and were tried, or came back
--   sessions  payment sessions of ended orders that the provider has not ended when it was asked
-- Tables: reads refund, checkout, orders
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.payment_failures(p_limit int)
RETURNS TABLE (sku text, refunds bigint, sessions bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH failed AS (
  (SELECT true AS is_refund, r.order_no, r.sale FROM refund r
   WHERE r.state = 'due' AND r.last_error IS NOT NULL LIMIT p_limit)
  UNION ALL
  (SELECT false, c.order_no, c.sale FROM checkout c
   WHERE c.state = 'ending' AND c.last_error IS NOT NULL LIMIT p_limit))
SELECT x.sku, count(*) FILTER (WHERE x.is_refund), count(*) FILTER (WHERE NOT x.is_refund)
FROM (
  -- Not a join: a planner that expects many rows would read all orders for it.
  SELECT f.is_refund, (SELECT o.sku FROM orders o WHERE o.order_no = f.order_no AND o.sale = f.sale) AS sku
  FROM failed f) x
GROUP BY 1
$routine$;

ALTER FUNCTION :schema.payment_failures OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.payment_failures IS
  'Refunds and payment sessions that failed, by SKU, for alerts';
REVOKE ALL ON FUNCTION :schema.payment_failures FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.payment_failures TO flashsale_ops, flashsale_readonly;
