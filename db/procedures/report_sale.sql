-- report_sale: returns what the records of this schema say about a sale. It reads all of its rows.
--
-- Parameters: p_sale, the sale; p_from and p_until, the bounds of the histogram of orders (order_times)
-- Result: an object with these members; arrays are empty where there is nothing
--   skus       {sku, title, price, currency, state, goods}: SKUs that live here
--   stock      {sku, loaded, free}: units that were loaded or restocked here, and units in slots
--   orders     {sku, status, reason, was_paid, count, units}
--   outcomes   {sku, status, reason, count}: requests by what they became
--   money      {currency, result, state, count, amount}: payments, and whether those that go back have gone
--   waitlist   {sku, state, count}
--   histogram  {part, count}: orders by the 60th part of the time between the bounds, 0 to 59
--   checks     repeated_requests: orders beyond the first of a request; double_payments: orders with more than
--              one payment that was kept; unpaid_orders_paid: paid orders with a price and without a payment;
--              places, wrong_ranks: places in the waitlist, and those whose rank is not that of the lottery
--   pay_ms     {count, p50, p95}: from the order to its payment
--   call_ms    {count, since, p50, p99}: calls of place_orders for these SKUs, as far as figures are kept
-- Tables: reads catalog.sku and all tables of the schema that belong to sales
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.report_sale(
  p_sale text, p_from timestamptz DEFAULT NULL, p_until timestamptz DEFAULT NULL
) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET work_mem = '64MB'
SET jit = off
AS $routine$
SELECT jsonb_build_object(
  'skus', (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'sku', k.sku, 'title', k.title, 'price', k.price::text, 'currency', k.currency,
             'state', k.state, 'goods', k.goods) ORDER BY k.sku), '[]')
    FROM catalog.sku k WHERE k.sale = p_sale AND k.schema = current_schema() AND NOT k.abroad),
  'stock', (
    SELECT coalesce(jsonb_agg(s), '[]')
    FROM (SELECT m.sku, sum(m.units) FILTER (WHERE m.kind IN ('load', 'restock')) AS loaded,
                 (SELECT sum(t.remaining) FROM stock_slot t WHERE t.sku = m.sku) AS free
          FROM stock_movement m WHERE m.sale = p_sale GROUP BY m.sku ORDER BY m.sku) s),
  'orders', (
    SELECT coalesce(jsonb_agg(s), '[]')
    FROM (SELECT o.sku, o.status, o.reason, o.was_paid, count(*) AS count, sum(o.units) AS units
          FROM orders o WHERE o.sale = p_sale GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4) s),
  'outcomes', (
    SELECT coalesce(jsonb_agg(s), '[]')
    FROM (SELECT c.sku, c.status, c.reason, count(*) AS count
          FROM outcome c WHERE c.sale = p_sale AND c.node <> 'copied' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) s),
  'money', (
    SELECT coalesce(jsonb_agg(s), '[]')
    FROM (SELECT coalesce(p.currency, o.currency) AS currency, p.result,
                 CASE WHEN p.result = 'refund_due' THEN coalesce(r.state, 'due') END AS state,
                 count(*) AS count, sum(coalesce(p.amount, o.amount))::text AS amount
          FROM payment p
          JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
          LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
          WHERE p.sale = p_sale GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) s),
  'waitlist', (
    SELECT coalesce(jsonb_agg(s), '[]')
    FROM (SELECT w.sku, w.state, count(*) AS count
          FROM waiting w WHERE w.sale = p_sale GROUP BY 1, 2 ORDER BY 1, 2) s),
  'histogram', (
    SELECT coalesce(jsonb_agg(s), '[]')
    FROM (SELECT least(59, floor(60 * extract(epoch FROM o.created_at - p_from)
                           / greatest(extract(epoch FROM p_until - p_from), 0.001)))::int AS part,
                 count(*) AS count
          FROM orders o WHERE o.sale = p_sale AND o.created_at BETWEEN p_from AND p_until
          GROUP BY 1 ORDER BY 1) s),
  'checks', (
    SELECT jsonb_build_object(
      'repeated_requests', (SELECT count(*) - count(DISTINCT o.request_id)
                            FROM orders o WHERE o.sale = p_sale),
      'double_payments', (SELECT count(*) FROM (
        SELECT FROM payment p WHERE p.sale = p_sale AND p.result = 'paid'
        GROUP BY p.order_no HAVING count(*) > 1) d),
      'unpaid_orders_paid', (
        SELECT count(*) FROM orders o
        WHERE o.sale = p_sale AND o.status = 'paid' AND o.amount > 0 AND NOT EXISTS (
          SELECT FROM payment p
          WHERE p.order_no = o.order_no AND p.sale = o.sale AND p.result = 'paid')),
      'places', (SELECT count(*) FROM waiting w WHERE w.sale = p_sale),
      'wrong_ranks', (
        SELECT count(*)
        FROM (SELECT array_agg(DISTINCT w.user_id) AS users FROM waiting w WHERE w.sale = p_sale) u
        CROSS JOIN LATERAL catalog.lottery_ranks(p_sale, u.users) r
        JOIN waiting w ON w.sale = p_sale AND w.user_id = r.user_id COLLATE "C"
        WHERE w.rank <> r.rank))),
  'pay_ms', (
    SELECT jsonb_build_object('count', count(*),
             'p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms),
             'p95', percentile_cont(0.95) WITHIN GROUP (ORDER BY t.ms))
    FROM (SELECT 1000 * extract(epoch FROM p.received_at - o.created_at)::float8 AS ms
          FROM payment p JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
          WHERE p.sale = p_sale AND (p.result = 'paid' OR p.due_at IS NOT NULL)) t),
  'call_ms', (
    SELECT jsonb_build_object('count', count(*), 'since', min(c.called_at),
             'p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY c.total_us) / 1000,
             'p99', percentile_cont(0.99) WITHIN GROUP (ORDER BY c.total_us) / 1000)
    FROM place_call c
    WHERE c.sku = ANY (ARRAY(SELECT k.sku FROM catalog.sku k WHERE k.sale = p_sale))))
$routine$;

ALTER FUNCTION :schema.report_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.report_sale IS 'What the records of this schema say about a sale';
REVOKE ALL ON FUNCTION :schema.report_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.report_sale TO flashsale_ops;
