-- audit: recomputes the books of this schema, in one snapshot: one row for each broken promise,
-- none when all is well. Safe at any time, while a sale runs too: it takes one core for 2 to 4 us an
-- order, and its snapshot keeps old versions of the slots alive for as long.
--
-- Each large table is read once and added up by sale and SKU: numbers, units, and sums of hashes of the
-- rows, which do not depend on their order. What two tables must agree on is judged by those sums. Only
-- where they differ the rows themselves are compared, by order_books() and event_books(). (Joining all
-- orders with all outcomes, buyers, payments and events took ten times as long. A difference that leaves
-- such a sum as it is has one chance in 2^32 or less: decision 51.)
--
-- Parameters: none
-- Result
--   promise   which one is broken
--   sku       whose (NULL if it cannot be told)
--   detail    what was compared, and for what
--   expected, actual   the two numbers that should be equal, or the bound and what is beyond it
--   remedy    what to do about it
-- Tables: reads catalog.sku, catalog.sale, catalog.tunable, all tables of the schema, and orders,
--   outcomes, movements and post of the other one, for SKUs that have moved
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.audit()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- Memory for what has to be joined all the same: requests of several sales, SKUs whose sums differ.
SET work_mem = '64MB'
-- Compiling its many expressions costs a second or two.
SET jit = off
AS $routine$
WITH
  sku AS (SELECT * FROM catalog.sku k WHERE k.schema = current_schema()),
  since AS MATERIALIZED (
    SELECT r.log_since AS logged,
           now() - catalog.tunable('overdue_alarm_ms') * interval '1 ms' AS overdue
    FROM outbox_relay r),
  moved AS MATERIALIZED (
    SELECT k.sku, k.sale, k.schema = current_schema() AS is_here FROM catalog.sku k WHERE k.moves > 0),
  -- SKUs that go between two servers. What their users hold is in the books of both: user_books().
  crossed AS MATERIALIZED (
    SELECT m.sku FROM regular.transfer_mark m UNION SELECT m.sku FROM hot.transfer_mark m),

  -- The sums: one pass for each table.
  --   numbers  hashes of order numbers
  --   entries  hashes of what order and outcome have in common
  --   users    hashes of users, times their units (32 bits of hash: the product fits)
  of_orders AS MATERIALIZED (
    SELECT o.sale, o.sku, o.status, o.created_at >= (SELECT s.logged FROM since s) AS is_logged,
           o.amount > 0 AS is_priced,
           count(*) AS orders, sum(o.units) AS units, min(o.created_at) AS first_at,
           count(*) FILTER (WHERE o.pay_before < (SELECT s.overdue FROM since s)) AS overdue,
           count(*) FILTER (WHERE o.order_no % 2
             <> CASE current_schema() WHEN 'regular' THEN 1 ELSE 0 END) AS foreign_numbers,
           sum(hashint8extended(o.order_no, 0)) AS numbers,
           sum(hashint8extended(o.order_no, uuid_hash_extended(
             o.request_id, hashtextextended(o.user_id, o.units)))) AS entries,
           sum((hashtextextended(o.user_id, 0) >> 32) * o.units) AS users
    FROM orders o GROUP BY 1, 2, 3, 4, 5),
  of_outcomes AS MATERIALIZED (
    SELECT c.sale, c.sku, count(*) FILTER (WHERE c.status = 'ordered') AS orders,
           count(*) FILTER (WHERE c.status = 'ordered' AND c.reason = 'waited') AS waited,
           min(c.decided_at) AS first_at,
           sum(hashint8extended(c.order_no, uuid_hash_extended(
             c.request_id, hashtextextended(c.user_id, c.units))))
             FILTER (WHERE c.status = 'ordered') AS entries
    FROM outcome c GROUP BY 1, 2),
  of_buyers AS MATERIALIZED (
    SELECT b.sku, max(b.units) AS most, sum((hashtextextended(b.user_id, 0) >> 32) * b.units) AS users,
           sum((hashtextextended(b.user_id, 0) >> 32) * b.claims) FILTER (WHERE b.claims > 0) AS claims
    FROM buyer b GROUP BY 1),
  of_payments AS MATERIALIZED (
    SELECT p.sale, count(*) AS orders, sum(hashint8extended(p.order_no, 0)) AS numbers
    FROM payment p WHERE p.result = 'paid' GROUP BY 1),
  of_events AS MATERIALIZED (
    -- Most events are of one order: those need no unnest, which takes as long as all other sums.
    SELECT e.sku, e.kind, sum(cardinality(e.order_nos)) AS orders,
           coalesce(sum(CASE WHEN cardinality(e.order_nos) = 1
                             THEN hashint8extended(e.order_nos[1], 0) END), 0)
           + coalesce(sum(CASE WHEN cardinality(e.order_nos) <> 1
                               THEN (SELECT sum(hashint8extended(n.order_no, 0))
                                     FROM unnest(e.order_nos) AS n (order_no)) END), 0) AS numbers
    FROM (SELECT x.sku, x.kind, x.order_nos FROM outbox x WHERE x.payment_ref IS NULL
          UNION ALL
          SELECT v.sku, v.kind, v.order_nos FROM event v WHERE v.payment_ref IS NULL) e
    GROUP BY 1, 2),
  of_movements AS MATERIALIZED (
    SELECT m.sku, m.slot, m.kind, sum(m.units) AS units FROM stock_movement m GROUP BY 1, 2, 3),

  held AS (SELECT o.sku, sum(o.units) AS units FROM of_orders o
           WHERE o.status IN ('ordered', 'paid') GROUP BY 1),
  slot AS (SELECT s.sku, sum(s.remaining) AS free FROM stock_slot s GROUP BY 1),
  book AS (SELECT m.sku,
                  coalesce(sum(m.units) FILTER (
                    WHERE m.kind IN ('load', 'restock', 'move')), 0) AS supply,
                  -coalesce(sum(m.units) FILTER (WHERE m.kind IN ('sale', 'return')), 0) AS sold,
                  coalesce(sum(m.units) FILTER (WHERE m.kind IN ('split', 'merge')), 0) AS shifted
           FROM of_movements m GROUP BY 1),

  -- Orders of the other schema: where the SKU lives, there its buyers are.
  elsewhere AS (
    SELECT o.sku, o.user_id, o.units, o.request_id, o.order_no FROM regular.orders o
    WHERE current_schema() = 'hot' AND o.status IN ('ordered', 'paid')
      AND o.sale = ANY (ARRAY(SELECT v.sale FROM moved v))
      AND o.sku = ANY (ARRAY(SELECT v.sku FROM moved v))
    UNION ALL
    SELECT o.sku, o.user_id, o.units, o.request_id, o.order_no FROM hot.orders o
    WHERE current_schema() = 'regular' AND o.status IN ('ordered', 'paid')
      AND o.sale = ANY (ARRAY(SELECT v.sale FROM moved v))
      AND o.sku = ANY (ARRAY(SELECT v.sku FROM moved v))),
  users_due AS (
    SELECT u.sku, sum(u.users) AS users
    FROM (SELECT o.sku, o.users FROM of_orders o LEFT JOIN moved v ON v.sku = o.sku
          WHERE o.status IN ('ordered', 'paid') AND coalesce(v.is_here, true)
          UNION ALL
          SELECT e.sku, (hashtextextended(e.user_id, 0) >> 32) * e.units
          FROM elsewhere e JOIN moved v ON v.sku = e.sku AND v.is_here) u
    GROUP BY 1),

  -- An id that two sales may have decided, since one of them began before the other was forgotten.
  sale_known AS MATERIALIZED (
    SELECT s.sale, s.closes_at + catalog.tunable('request_memory_s') * interval '1 s' AS until,
           least(min(c.first_at), (SELECT min(o.first_at) FROM of_orders o WHERE o.sale = s.sale))
             AS first_at
    FROM catalog.sale s JOIN of_outcomes c ON c.sale = s.sale GROUP BY s.sale),
  rivals AS MATERIALIZED (
    SELECT a.sale FROM sale_known a
    WHERE EXISTS (SELECT FROM sale_known b
                  WHERE b.sale <> a.sale AND a.first_at < b.until AND b.first_at < a.until)),
  decided_twice AS MATERIALIZED (
    SELECT c.request_id
    FROM outcome c
    WHERE EXISTS (SELECT FROM rivals) AND c.sale = ANY (ARRAY(SELECT r.sale FROM rivals r))
    GROUP BY 1 HAVING count(*) > 1),

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
          SELECT b.sku FROM of_buyers b JOIN sku k ON k.sku = b.sku WHERE b.most > k.user_limit
          UNION ALL
          SELECT c.sku FROM outcome c WHERE c.request_id = ANY (ARRAY(
            SELECT t.request_id FROM decided_twice t))) s),
  -- Entries of the line stand where they were served; claims go with the SKU.
  claim_suspects AS MATERIALIZED (
    SELECT sku
    FROM (SELECT w.sku, sum(hashtextextended(w.user_id, 0) >> 32) AS users
          FROM (SELECT r.sku, r.user_id FROM regular.waiting r WHERE r.state = 'served'
                UNION ALL SELECT h.sku, h.user_id FROM hot.waiting h WHERE h.state = 'served') w
          GROUP BY 1) w
    FULL JOIN of_buyers b USING (sku)
    JOIN sku k USING (sku)
    WHERE coalesce(w.users, 0) <> coalesce(b.claims, 0) AND NOT k.abroad
      AND sku NOT IN (SELECT x.sku FROM crossed x)),
  event_suspects AS (
    SELECT DISTINCT sku
    FROM (SELECT o.sku, k.kind, sum(o.orders) AS orders, sum(o.numbers) AS numbers
          FROM of_orders o CROSS JOIN LATERAL (VALUES ('placed'), (o.status)) AS k (kind)
          WHERE o.is_logged AND k.kind <> 'ordered' GROUP BY 1, 2) d
    FULL JOIN of_events e USING (sku, kind)
    WHERE (d.orders, d.numbers) IS DISTINCT FROM (e.orders, e.numbers)),
  payment_suspects AS (
    SELECT sale
    FROM (SELECT o.sale, sum(o.orders) AS orders, sum(o.numbers) AS numbers
          FROM of_orders o WHERE o.status = 'paid' AND o.is_priced GROUP BY 1) o
    FULL JOIN of_payments p USING (sale)
    WHERE (o.orders, o.numbers) IS DISTINCT FROM (p.orders, p.numbers))

-- 1. No oversell
SELECT 'no_oversell', sku, 'units loaded and restocked = free + held by orders',
       coalesce(b.supply, 0)::bigint, (coalesce(s.free, 0) + coalesce(h.units, 0))::bigint,
       'stop the SKU (set_sku_state, quota 0); compare stock_movement with orders by time'
FROM book b FULL JOIN slot s USING (sku) FULL JOIN held h USING (sku)
WHERE coalesce(b.supply, 0) <> coalesce(s.free, 0) + coalesce(h.units, 0)
UNION ALL
SELECT 'no_oversell', s.sku, format('slot %s holds fewer than 0 units', s.slot), 0, s.remaining,
       'the CHECK of stock_slot is gone: put it back, then restock or cancel orders'
FROM stock_slot s WHERE s.remaining < 0

-- 2. No undersell
UNION ALL
SELECT 'no_undersell', o.sku, 'unpaid orders are long past their time: their units are stranded',
       0, sum(o.overdue)::bigint, 'start a worker: it calls expire_orders'
FROM of_orders o WHERE o.status = 'ordered' AND o.overdue > 0 GROUP BY o.sku

-- 3. One request, one outcome (ids of another sale are known until request_memory_s after its closing);
--    the limit of each user
UNION ALL
SELECT 'one_outcome', min(c.sku), format('outcomes of request %s', c.request_id), 1, count(*),
       'the same id was used in two sales: keep the first, tell the user about the other'
FROM outcome c JOIN sale_known s ON s.sale = c.sale
WHERE c.request_id = ANY (ARRAY(SELECT t.request_id FROM decided_twice t))
GROUP BY c.request_id
HAVING count(*) > 1 AND max(c.decided_at) < min(s.until)
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy
FROM (SELECT array_agg(s.sku) AS skus FROM suspects s HAVING count(*) > 0) s
CROSS JOIN LATERAL order_books(s.skus) b
UNION ALL
SELECT 'one_outcome', o.sku, format('order %s and order %s of the other schema are of request %s',
                                    o.order_no, e.order_no, o.request_id), 1, 2,
       'cancel the later one'
FROM orders o JOIN elsewhere e ON e.request_id = o.request_id
WHERE EXISTS (SELECT FROM moved) AND o.status IN ('ordered', 'paid')
  AND o.sku IN (SELECT v.sku FROM moved v)
UNION ALL
SELECT 'one_outcome', c.sku, format('request %s was decided in both schemas', c.request_id), 1, 2,
       'believe the older outcome; cancel the order of the other one'
FROM outcome c
JOIN (SELECT r.request_id, r.sale FROM regular.outcome r WHERE current_schema() = 'hot'
      UNION ALL SELECT h.request_id, h.sale FROM hot.outcome h WHERE current_schema() = 'regular') e
  ON e.request_id = c.request_id AND e.sale = c.sale
WHERE EXISTS (SELECT FROM crossed) AND c.sku IN (SELECT x.sku FROM crossed x)

-- 4. The books themselves
UNION ALL
SELECT 'books', sku, format('movements of slot %s = its remaining units', slot),
       coalesce(m.units, 0)::bigint, coalesce(s.remaining, 0),
       'the slot was changed by hand: book the difference as a movement, or set the slot right'
FROM (SELECT a.sku, a.slot, sum(a.units) AS units FROM of_movements a GROUP BY 1, 2) m
FULL JOIN stock_slot s USING (sku, slot)
WHERE coalesce(m.units, 0) <> coalesce(s.remaining, 0)
UNION ALL
SELECT 'books', sku, 'movements of sales and returns = units held by orders',
       coalesce(b.sold, 0)::bigint, coalesce(h.units, 0)::bigint,
       'an order was changed by hand: give its units back or take them with a movement'
FROM book b FULL JOIN held h USING (sku)
WHERE coalesce(b.sold, 0) <> coalesce(h.units, 0)
UNION ALL
SELECT 'books', b.sku, 'splits and merges leave the sum as it is', 0, b.shifted::bigint,
       'find the set_slots call in stock_movement that does not add up'
FROM book b WHERE b.shifted <> 0
UNION ALL
SELECT 'books', m.sku, 'moves of both schemas, and post sent less applied, leave the sum as it is', 0,
       sum(m.units)::bigint, 'find the move in stock_movement of both that does not add up'
FROM (SELECT a.sku, a.units FROM of_movements a WHERE a.kind = 'move'
      UNION ALL SELECT a.sku, a.units FROM regular.stock_movement a
                WHERE a.kind = 'move' AND current_schema() = 'hot'
      UNION ALL SELECT a.sku, a.units FROM hot.stock_movement a
                WHERE a.kind = 'move' AND current_schema() = 'regular'
      UNION ALL SELECT a.sku, a.units_sent - a.units_applied FROM regular.transfer_mark a
      UNION ALL SELECT a.sku, a.units_sent - a.units_applied FROM hot.transfer_mark a) m
GROUP BY m.sku HAVING sum(m.units) <> 0
UNION ALL
SELECT 'books', o.sku,
       format('orders that cost nothing, but their SKU costs %s: %s', k.price,
              (SELECT min(f.order_no) FROM orders f WHERE f.sku = o.sku AND f.amount = 0)), 0,
       sum(o.orders)::bigint, 'ask the payment provider; set their amount right'
FROM of_orders o JOIN catalog.sku k ON k.sku = o.sku
WHERE NOT o.is_priced AND k.price > 0
GROUP BY o.sku, k.price
UNION ALL
SELECT 'no_undersell', t.sku,
       format('post for the other server has waited since %s', min(t.sent_at)::timestamptz(0)),
       0, count(*), format('start a worker; or: npx flashsale db move-sku %s %s', t.sku, k.schema)
FROM (SELECT r.* FROM regular.transfer r WHERE current_schema() = 'hot'
      UNION ALL SELECT h.* FROM hot.transfer h WHERE current_schema() = 'regular') t
JOIN catalog.sku k ON k.sku = t.sku
WHERE t.done_at IS NULL
GROUP BY t.sku, k.schema
HAVING min(t.sent_at) < now() - (SELECT u.value FROM catalog.tunable u
                                 WHERE u.name = 'transfer_alarm_ms') * interval '1 ms'
UNION ALL
SELECT 'no_undersell', s.sku, 'units in slots of a schema that the SKU does not live in', 0,
       sum(s.remaining)::bigint, 'nobody can buy them: move_sku to this schema and back'
FROM stock_slot s LEFT JOIN sku k ON k.sku = s.sku
WHERE k.sku IS NULL AND s.remaining > 0 GROUP BY s.sku
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy
FROM (SELECT array_agg(s.sale) AS sales FROM payment_suspects s HAVING count(*) > 0) s
CROSS JOIN LATERAL payment_books(s.sales) b

-- 5. No lie
UNION ALL
SELECT 'no_lie', x.sku, 'orders from before the sale opened', 0, x.orders,
       'opens_at was moved, or the clock of the server was'
FROM (SELECT DISTINCT s.sale, s.opens_at FROM of_orders o JOIN catalog.sale s ON s.sale = o.sale
      WHERE o.first_at < s.opens_at) s
CROSS JOIN LATERAL (
  SELECT o.sku, count(*) AS orders FROM orders o
  WHERE o.sale = s.sale AND o.created_at < s.opens_at GROUP BY 1) x
UNION ALL
SELECT 'no_lie', min(o.sku), 'order numbers of the other schema', 0, sum(o.foreign_numbers)::bigint,
       'set the sequence order_no right: odd in regular, even in hot'
FROM of_orders o WHERE o.foreign_numbers > 0 HAVING count(*) > 0
UNION ALL
SELECT 'no_lie', coalesce(d.sku, t.sku), 'terms that place_orders reads = those of the catalogue',
       1, 0, 'sku_terms was changed by hand, or a trigger is off: UPDATE catalog.sku SET state = state'
FROM catalog.due_sku_terms() d FULL JOIN catalog.sku_terms t ON t.sku = d.sku
WHERE d IS DISTINCT FROM t AND coalesce(d.home, t.home) = current_schema()

-- 6. The line: units that come back go by claims and rank, each to one order
UNION ALL
SELECT 'line', c.sku, 'orders made for shoppers who waited = entries served', sum(c.waited)::bigint,
       coalesce(max(w.served), 0), 'an entry of the line was deleted or changed by hand'
FROM of_outcomes c
LEFT JOIN (SELECT a.sku, count(*) AS served FROM waiting a WHERE a.state = 'served' GROUP BY 1) w
  ON w.sku = c.sku
GROUP BY c.sku HAVING sum(c.waited) > 0 AND sum(c.waited) <> coalesce(max(w.served), 0)
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy FROM line_books() b
UNION ALL
SELECT 'line', c.sku, format('claims of user %s = entries of the line that were served', c.user_id),
       sum(c.served), sum(c.counted), 'set buyer.claims to the expected number'
FROM (SELECT b.sku, b.user_id, 0 AS served, b.claims AS counted FROM buyer b
      WHERE EXISTS (SELECT FROM claim_suspects) AND b.claims > 0
      UNION ALL SELECT w.sku, w.user_id, 1, 0 FROM regular.waiting w WHERE w.state = 'served'
      UNION ALL SELECT w.sku, w.user_id, 1, 0 FROM hot.waiting w WHERE w.state = 'served') c
WHERE EXISTS (SELECT FROM claim_suspects) AND c.sku = ANY (ARRAY(SELECT s.sku FROM claim_suspects s))
GROUP BY c.sku, c.user_id HAVING sum(c.served) <> sum(c.counted)

-- 7. One event for each transition
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy
FROM (SELECT array_agg(s.sku) AS skus FROM event_suspects s HAVING count(*) > 0) s
CROSS JOIN LATERAL event_books(s.skus) b

-- 8. Free orders, and money that goes back
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy FROM money_books() b
$routine$;

ALTER FUNCTION :schema.audit OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.audit IS
  'The books of this schema: one row for each broken promise, none when all is well';
REVOKE ALL ON FUNCTION :schema.audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.audit TO flashsale_worker, flashsale_ops, flashsale_readonly;
