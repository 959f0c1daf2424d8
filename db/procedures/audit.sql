-- audit: recomputes the books of this schema in one snapshot. It returns one row for each broken promise,
-- and none when all is well. It is safe at any time, also during a sale. It takes one core for 2 to 4 us
-- per order. Its snapshot keeps old versions of the slots alive while it runs.
--
-- Each large table is read once and summed by sale and SKU (order_sums): numbers, units, and hashes of the rows, whose
-- sums do not depend on the order. Tables that must agree are compared by these sums. Only where the sums
-- differ, order_books() and event_books() compare single rows. (Joining all orders with all outcomes,
-- buyers, payments and events took ten times as long. The chance that a difference leaves such a sum
-- unchanged is 2^-32 or less: decision 51.)
--
-- Parameters: none
-- Result
--   promise   the broken promise
--   sku       the SKU, or NULL if it is not known
--   detail    what was compared
--   expected, actual   two numbers that should be equal, or a bound and the number beyond it
--   remedy    what to do about it. "start a worker…": a running worker does it (read by flashsale after-restore)
-- Tables: reads catalog.sku, catalog.sale, catalog.sku_terms, all tables of the schema, and orders of the
--   other schema for SKUs that have moved; and the tables that its part routines read
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.audit()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- For the joins that remain: requests of several sales, and SKUs whose sums differ.
SET work_mem = '64MB'
-- JIT would spend a second or two on compiling the many expressions.
SET jit = off
AS $routine$
WITH
  sku AS (SELECT * FROM catalog.sku k WHERE k.schema = current_schema()),
  moved AS MATERIALIZED (
    SELECT k.sku, k.sale, k.schema = current_schema() AS is_here FROM catalog.sku k WHERE k.moves > 0),
  -- SKUs that go between two servers. Both servers have units of their users: see sku_books().
  crossed AS MATERIALIZED (
    SELECT m.sku FROM regular.transfer_mark m UNION SELECT m.sku FROM hot.transfer_mark m),

  of_orders AS MATERIALIZED (SELECT o.* FROM order_sums() o),
  of_outcomes AS MATERIALIZED (
    SELECT c.sale, c.sku, count(*) FILTER (WHERE c.status = 'ordered') AS orders,
           count(*) FILTER (WHERE c.status = 'ordered' AND c.reason = 'waited') AS waited,
           min(c.decided_at) AS first_at,
           sum(hashint8extended(c.order_no, uuid_hash_extended(
             c.request_id, hashtextextended(c.user_id, c.units))))
             FILTER (WHERE c.status = 'ordered') AS entries
    FROM outcome c WHERE c.node <> 'copied' GROUP BY 1, 2),
  of_buyers AS MATERIALIZED (
    SELECT b.sku, max(b.units) AS most, sum((hashtextextended(b.user_id, 0) >> 32) * b.units) AS users
    FROM buyer b GROUP BY 1),
  of_payments AS MATERIALIZED (
    SELECT p.sale, p.due_at IS NOT NULL AS was_paid, count(*) AS orders,
           sum(hashint8extended(p.order_no, 0)) AS numbers
    FROM payment p WHERE p.result = 'paid' OR p.due_at IS NOT NULL GROUP BY 1, 2),
  of_events AS MATERIALIZED (SELECT e.* FROM event_sums() e),
  -- Orders of the other schema. The buyer rows of a SKU are in the schema where it lives.
  elsewhere AS (
    SELECT o.sku, o.user_id, o.units FROM regular.orders o
    WHERE current_schema() = 'hot' AND o.status IN ('ordered', 'paid')
      AND o.sale = ANY (ARRAY(SELECT v.sale FROM moved v)) AND o.sku = ANY (ARRAY(SELECT v.sku FROM moved v))
    UNION ALL
    SELECT o.sku, o.user_id, o.units FROM hot.orders o
    WHERE current_schema() = 'regular' AND o.status IN ('ordered', 'paid')
      AND o.sale = ANY (ARRAY(SELECT v.sale FROM moved v)) AND o.sku = ANY (ARRAY(SELECT v.sku FROM moved v))),
  users_due AS (
    SELECT u.sku, sum(u.users) AS users
    FROM (SELECT o.sku, o.users FROM of_orders o LEFT JOIN moved v ON v.sku = o.sku
          WHERE (o.status IN ('ordered', 'paid') OR o.sku IN (SELECT t.sku FROM catalog.pot t)) AND coalesce(v.is_here, true)
          UNION ALL
          SELECT e.sku, (hashtextextended(e.user_id, 0) >> 32) * e.units
          FROM elsewhere e JOIN moved v ON v.sku = e.sku AND v.is_here) u
    GROUP BY 1),

  -- Outcomes of requests that two sales may have decided.
  twice AS MATERIALIZED (
    SELECT d.*
    FROM (SELECT array_agg(c.sale) AS sales, array_agg(least(c.first_at, o.first_at)) AS first_at
          FROM (SELECT x.sale, min(x.first_at) AS first_at FROM of_outcomes x GROUP BY 1) c
          LEFT JOIN (SELECT y.sale, min(y.first_at) AS first_at FROM of_orders y GROUP BY 1) o
            USING (sale)) s
    CROSS JOIN LATERAL decided_twice(s.sales, s.first_at) d),

  -- SKUs whose sums differ.
  suspects AS (
    SELECT DISTINCT s.sku
    FROM (SELECT sku
          FROM (SELECT o.sale, o.sku, sum(o.orders) AS orders, sum(o.entries) AS entries
                FROM of_orders o GROUP BY 1, 2) o
          FULL JOIN of_outcomes c USING (sale, sku)
          WHERE (coalesce(o.orders, 0), coalesce(o.entries, 0))
                <> (coalesce(c.orders, 0), coalesce(c.entries, 0))
          UNION ALL
          SELECT sku FROM users_due d FULL JOIN of_buyers b USING (sku)
          WHERE coalesce(d.users, 0) <> coalesce(b.users, 0)
            AND sku NOT IN (SELECT x.sku FROM crossed x)
          UNION ALL
          SELECT b.sku FROM of_buyers b JOIN sku k USING (sku) WHERE b.most > k.user_limit AND k.goods <> 'daily'
          UNION ALL
          SELECT d.sku FROM twice d) s),
  event_suspects AS (
    SELECT DISTINCT sku
    FROM (SELECT o.sku, k.kind, sum(o.orders) AS orders, sum(o.numbers) AS numbers
          FROM of_orders o CROSS JOIN LATERAL (
            VALUES ('placed'), (o.status), (CASE WHEN o.was_paid THEN 'paid' END)) AS k (kind)
          WHERE o.is_logged AND k.kind <> 'ordered' GROUP BY 1, 2) d
    FULL JOIN of_events e USING (sku, kind)
    WHERE (d.orders, d.numbers) IS DISTINCT FROM (e.orders, e.numbers)),
  payment_suspects AS (
    SELECT sale
    FROM (SELECT o.sale, o.was_paid, sum(o.orders) AS orders, sum(o.numbers) AS numbers
          FROM of_orders o WHERE (o.status = 'paid' OR o.was_paid) AND o.is_priced GROUP BY 1, 2) o
    FULL JOIN of_payments p USING (sale, was_paid)
    WHERE (o.orders, o.numbers) IS DISTINCT FROM (p.orders, p.numbers))

-- 1. No oversell, and the books of the slots
SELECT b.*
FROM (SELECT array_agg(o.sku) AS skus, array_agg(o.units) AS units FROM of_orders o
      -- A packet of a pot stays taken, also by a cancelled order, and counts for its user (users_due).
      WHERE o.status IN ('ordered', 'paid') OR o.sku IN (SELECT t.sku FROM catalog.pot t)) h
CROSS JOIN LATERAL stock_books(h.skus, h.units) b

-- 2. No undersell
UNION ALL
SELECT 'no_undersell', o.sku, 'unpaid orders are long past their payment window: their units are stranded',
       0, sum(o.overdue)::bigint, 'start a worker: it calls expire_orders'
FROM of_orders o WHERE o.status = 'ordered' AND o.overdue > 0 GROUP BY o.sku

-- 3. One request, one outcome; the limit of each user
UNION ALL
SELECT 'one_outcome', min(d.sku), format('outcomes of request %s', d.request_id), 1, count(*),
       'the id was used in two sales: keep the first outcome and tell the user about the other'
FROM twice d WHERE d.is_wrong GROUP BY d.request_id
UNION ALL
SELECT b.*
FROM (SELECT array_agg(s.sku) AS skus FROM suspects s HAVING count(*) > 0) s
CROSS JOIN LATERAL order_books(s.skus) b
UNION ALL SELECT b.* FROM day_books() b
UNION ALL SELECT b.* FROM pot_books() b UNION ALL SELECT b.* FROM unit_books() b

-- 4. The other books, and SKUs that moved
UNION ALL SELECT b.* FROM moved_books() b UNION ALL
SELECT 'books', o.sku,
       format('orders that cost nothing, but their SKU costs %s: %s', k.price,
              (SELECT min(f.order_no) FROM orders f WHERE f.sku = o.sku AND f.amount = 0)), 0,
       sum(o.orders)::bigint, 'ask the payment provider, then correct the amount of the orders'
FROM of_orders o JOIN catalog.sku k ON k.sku = o.sku
WHERE NOT o.is_priced AND k.price > 0
GROUP BY o.sku, k.price
UNION ALL
SELECT b.*
FROM (SELECT array_agg(s.sale) AS sales FROM payment_suspects s HAVING count(*) > 0) s
CROSS JOIN LATERAL payment_books(s.sales) b

-- 5. No lie
UNION ALL
SELECT 'no_lie', x.sku, 'orders from before the sale opened', 0, x.orders,
       'opens_at or the clock of the server was changed'
FROM (SELECT DISTINCT s.sale, s.opens_at FROM of_orders o JOIN catalog.sale s ON s.sale = o.sale
      WHERE o.first_at < s.opens_at) s
CROSS JOIN LATERAL (
  SELECT o.sku, count(*) AS orders FROM orders o
  WHERE o.sale = s.sale AND o.created_at < s.opens_at GROUP BY 1) x
UNION ALL
SELECT 'no_lie', min(o.sku), 'order numbers of another home', 0, sum(o.foreign_numbers)::bigint,
       'correct the sequence order_no: run prepare'
FROM of_orders o WHERE o.foreign_numbers > 0 HAVING count(*) > 0
UNION ALL
SELECT 'no_lie', coalesce(d.sku, t.sku), 'terms that place_orders reads = terms of the catalogue',
       1, 0, 'sku_terms was changed by hand, or a trigger is off: UPDATE catalog.sku SET state = state'
FROM catalog.due_sku_terms() d FULL JOIN catalog.sku_terms t ON t.sku = d.sku
WHERE d IS DISTINCT FROM t AND coalesce(d.home, t.home) = current_schema()

-- 6. The waitlist: units that come back go by claims and rank, each to one order
UNION ALL
SELECT 'line', c.sku, 'orders made for shoppers who waited = places served', sum(c.waited)::bigint,
       coalesce(max(w.served), 0), 'a place in the waitlist was deleted or changed by hand'
FROM of_outcomes c
LEFT JOIN (SELECT a.sku, count(*) AS served FROM waiting a WHERE a.state = 'served' GROUP BY 1) w
  ON w.sku = c.sku
GROUP BY c.sku HAVING sum(c.waited) > 0 AND sum(c.waited) <> coalesce(max(w.served), 0)
UNION ALL SELECT b.* FROM waitlist_books() b UNION ALL SELECT b.* FROM claim_books() b

-- 7. One event for each transition
UNION ALL
SELECT b.*
FROM (SELECT array_agg(s.sku) AS skus FROM event_suspects s HAVING count(*) > 0) s
CROSS JOIN LATERAL event_books(s.skus) b

-- 8. Free orders, and refunds
UNION ALL SELECT b.* FROM money_books() b
$routine$;

ALTER FUNCTION :schema.audit OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.audit IS
  'Recomputes the books of this schema: one row for each broken promise, none when all is well';
REVOKE ALL ON FUNCTION :schema.audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.audit TO flashsale_worker, flashsale_ops, flashsale_readonly;
