-- sale_figures: sums the orders, the money and the refunds of each SKU, for the metrics of the leading keeper. It
-- reads every order of the sales that it shows, so its caller asks seldom when that takes long.
--
-- Parameters
--   p_closed_for  sales that have been closed for longer than this are left out; rehearsals always are
-- Result: one row for each SKU and currency that has orders in this schema
--   *_orders, *_units  orders and their units; sold: ordered or paid; unpaid: ordered
--   unpaid_1m          units of unpaid orders that were placed less than a minute ago
--   unpaid_5m          those that were placed less than five minutes ago, without unpaid_1m
--   unpaid_15m         those that were placed less than a quarter of an hour ago, without the two above
--   unpaid_older       the rest of the unpaid units
--   revenue            the amounts of the paid orders
--   refunds_due        payments that have to go back (those that failed: payment_failures)
--   refunds_done       payments that went back
--   amount_due, amount_done  their amounts
-- Tables: reads catalog.sale, orders, payment, refund
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.sale_figures(p_closed_for interval)
RETURNS TABLE (
  sku text, currency text, sold_orders bigint, sold_units bigint, paid_orders bigint, paid_units bigint,
  cancelled_orders bigint, expired_orders bigint, unpaid_1m bigint, unpaid_5m bigint, unpaid_15m bigint, unpaid_older bigint, revenue numeric,
  refunds_due bigint, refunds_done bigint, amount_due numeric, amount_done numeric
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH shown AS MATERIALIZED (
  SELECT s.sale FROM catalog.sale s
  WHERE s.closes_at > now() - p_closed_for AND NOT catalog.is_rehearsal(s.sale)),
since AS MATERIALIZED (
  SELECT now() - interval '1 min' AS m1, now() - interval '5 min' AS m5, now() - interval '15 min' AS m15),
-- Few sums for each order, because all of them are read. Which state and age they belong to is said of the groups.
-- One sale after the other: a join would read the orders of all sales.
groups AS MATERIALIZED (
  SELECT g.*
  FROM shown x CROSS JOIN LATERAL (
    SELECT o.sku, o.currency, o.status,
           CASE WHEN o.status <> 'ordered' THEN NULL
                WHEN o.created_at > (SELECT s.m1 FROM since s) THEN 1
                WHEN o.created_at > (SELECT s.m5 FROM since s) THEN 5
                WHEN o.created_at > (SELECT s.m15 FROM since s) THEN 15
                ELSE 60 END AS minutes,
           count(*) AS orders, sum(o.units) AS units, sum(o.amount) AS amount
    FROM orders o WHERE o.sale = x.sale
    GROUP BY 1, 2, 3, 4) g),
sums AS (
  SELECT g.sku, g.currency,
         sum(g.orders) FILTER (WHERE g.status IN ('ordered', 'paid')) AS sold_orders,
         sum(g.units) FILTER (WHERE g.status IN ('ordered', 'paid')) AS sold_units,
         sum(g.orders) FILTER (WHERE g.status = 'paid') AS paid_orders,
         sum(g.units) FILTER (WHERE g.status = 'paid') AS paid_units,
         sum(g.orders) FILTER (WHERE g.status = 'cancelled') AS cancelled_orders,
         sum(g.orders) FILTER (WHERE g.status = 'expired') AS expired_orders,
         sum(g.units) FILTER (WHERE g.minutes = 1) AS unpaid_1m,
         sum(g.units) FILTER (WHERE g.minutes = 5) AS unpaid_5m,
         sum(g.units) FILTER (WHERE g.minutes = 15) AS unpaid_15m,
         sum(g.units) FILTER (WHERE g.minutes = 60) AS unpaid_older,
         sum(g.amount) FILTER (WHERE g.status = 'paid') AS revenue
  FROM groups g GROUP BY 1, 2),
refunds AS (
  SELECT g.*
  FROM shown x CROSS JOIN LATERAL (
    SELECT o.sku, o.currency,
           count(*) FILTER (WHERE r.state = 'due') AS due,
           count(*) FILTER (WHERE r.state = 'done') AS done,
           sum(coalesce(p.amount, o.amount)) FILTER (WHERE r.state = 'due') AS amount_due,
           sum(coalesce(p.amount, o.amount)) FILTER (WHERE r.state = 'done') AS amount_done
    FROM refund r
    JOIN payment p ON p.payment_ref = r.payment_ref AND p.sale = r.sale
    JOIN orders o ON o.order_no = r.order_no AND o.sale = r.sale
    WHERE r.sale = x.sale
    GROUP BY 1, 2) g)
SELECT sku, currency, coalesce(s.sold_orders, 0)::bigint, coalesce(s.sold_units, 0)::bigint,
       coalesce(s.paid_orders, 0)::bigint, coalesce(s.paid_units, 0)::bigint,
       coalesce(s.cancelled_orders, 0)::bigint, coalesce(s.expired_orders, 0)::bigint,
       coalesce(s.unpaid_1m, 0)::bigint, coalesce(s.unpaid_5m, 0)::bigint,
       coalesce(s.unpaid_15m, 0)::bigint, coalesce(s.unpaid_older, 0)::bigint, coalesce(s.revenue, 0),
       coalesce(f.due, 0), coalesce(f.done, 0), coalesce(f.amount_due, 0), coalesce(f.amount_done, 0)
FROM sums s LEFT JOIN refunds f USING (sku, currency)
$routine$;

ALTER FUNCTION :schema.sale_figures OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.sale_figures IS
  'Orders, money and refunds of each SKU, for metrics';
REVOKE ALL ON FUNCTION :schema.sale_figures FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.sale_figures TO flashsale_ops, flashsale_readonly;
