-- audit: recomputes the books of this schema, in one snapshot: one row for each broken promise,
-- none when all is well. Safe at any time, while a sale runs too; it reads every order, so not
-- every second.
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
AS $routine$
WITH
  sku AS (SELECT * FROM catalog.sku k WHERE k.schema = current_schema()),
  -- Units that each order takes out of the free ones.
  held AS (SELECT o.sku, o.user_id, sum(o.units) AS units FROM orders o
           WHERE o.status IN ('ordered', 'paid') GROUP BY 1, 2),
  -- The same over both schemas: where the SKU lives, there its buyers are.
  elsewhere AS (
    SELECT o.sku, o.user_id, o.units, o.request_id, o.order_no FROM regular.orders o
    WHERE current_schema() = 'hot' AND o.status IN ('ordered', 'paid')
      AND o.sku IN (SELECT k.sku FROM catalog.sku k WHERE k.moves > 0)
    UNION ALL
    SELECT o.sku, o.user_id, o.units, o.request_id, o.order_no FROM hot.orders o
    WHERE current_schema() = 'regular' AND o.status IN ('ordered', 'paid')
      AND o.sku IN (SELECT k.sku FROM catalog.sku k WHERE k.moves > 0)),
  moved AS (SELECT k.sku, k.schema = current_schema() AS is_here FROM catalog.sku k
            WHERE k.moves > 0),
  user_held AS (
    SELECT u.sku, u.user_id, sum(u.units) AS units
    FROM (SELECT h.sku, h.user_id, h.units FROM held h
          LEFT JOIN moved v ON v.sku = h.sku WHERE coalesce(v.is_here, true)
          UNION ALL
          SELECT e.sku, e.user_id, e.units FROM elsewhere e
          JOIN moved v ON v.sku = e.sku AND v.is_here) u
    GROUP BY 1, 2),
  -- SKUs that go between two servers. What their users hold is in the books of both: user_books().
  crossed AS (SELECT m.sku FROM regular.transfer_mark m UNION SELECT m.sku FROM hot.transfer_mark m),
  held_of_sku AS (SELECT h.sku, sum(h.units) AS units FROM held h GROUP BY 1),
  slot AS (SELECT s.sku, sum(s.remaining) AS free FROM stock_slot s GROUP BY 1),
  book AS (SELECT m.sku,
                  coalesce(sum(m.units) FILTER (
                    WHERE m.kind IN ('load', 'restock', 'move')), 0) AS supply,
                  -coalesce(sum(m.units) FILTER (WHERE m.kind IN ('sale', 'return')), 0) AS sold,
                  coalesce(sum(m.units) FILTER (WHERE m.kind IN ('split', 'merge')), 0) AS shifted
           FROM stock_movement m GROUP BY 1)

-- 1. No oversell
SELECT 'no_oversell', sku, 'units loaded and restocked = free + held by orders',
       coalesce(b.supply, 0)::bigint, (coalesce(s.free, 0) + coalesce(h.units, 0))::bigint,
       'stop the SKU (set_sku_state, quota 0); compare stock_movement with orders by time'
FROM book b FULL JOIN slot s USING (sku) FULL JOIN held_of_sku h USING (sku)
WHERE coalesce(b.supply, 0) <> coalesce(s.free, 0) + coalesce(h.units, 0)
UNION ALL
SELECT 'no_oversell', s.sku, format('slot %s holds fewer than 0 units', s.slot), 0, s.remaining,
       'the CHECK of stock_slot is gone: put it back, then restock or cancel orders'
FROM stock_slot s WHERE s.remaining < 0

-- 2. No undersell
UNION ALL
SELECT 'no_undersell', o.sku, 'unpaid orders are long past their time: their units are stranded',
       0, count(*), 'start a worker: it calls expire_orders'
FROM orders o
WHERE o.status = 'ordered'
  AND o.pay_before < now() - (SELECT t.value FROM catalog.tunable t
                              WHERE t.name = 'overdue_alarm_ms') * interval '1 ms'
GROUP BY o.sku

-- 3. One request, one outcome (ids of another sale are known until request_memory_s after its closing);
--    the limit of each user
UNION ALL
SELECT 'one_outcome', min(c.sku), format('outcomes of request %s', c.request_id), 1, count(*),
       'the same id was used in two sales: keep the first, tell the user about the other'
FROM outcome c JOIN catalog.sale s ON s.sale = c.sale
GROUP BY c.request_id
HAVING count(*) > 1 AND max(c.decided_at)
  < min(s.closes_at) + catalog.tunable('request_memory_s') * interval '1 s'
UNION ALL
SELECT 'one_outcome', min(o.sku), format('orders of request %s', o.request_id), 1, count(*),
       'cancel all but the order that its outcome names'
FROM orders o JOIN catalog.sale s ON s.sale = o.sale
GROUP BY o.request_id
HAVING count(*) > 1 AND max(o.created_at)
  < min(s.closes_at) + catalog.tunable('request_memory_s') * interval '1 s'
UNION ALL
SELECT 'one_outcome', o.sku, format('order %s and order %s of the other schema are of request %s',
                                    o.order_no, e.order_no, o.request_id), 1, 2,
       'cancel the later one'
FROM orders o JOIN elsewhere e ON e.request_id = o.request_id
WHERE o.status IN ('ordered', 'paid') AND o.sku IN (SELECT v.sku FROM moved v)
UNION ALL
SELECT 'one_outcome', o.sku,
       format('order %s and the outcome of request %s disagree', o.order_no, o.request_id),
       o.units, coalesce(c.units, 0), 'believe the order; find out who wrote the outcome'
FROM orders o
LEFT JOIN outcome c ON c.request_id = o.request_id AND c.sale = o.sale
WHERE (c.status, c.order_no, c.sku, c.user_id, c.units)
      IS DISTINCT FROM ('ordered', o.order_no, o.sku, o.user_id, o.units)
UNION ALL
SELECT 'one_outcome', c.sku,
       format('request %s was told of order %s, which does not exist', c.request_id, c.order_no),
       c.units, 0, 'an order was deleted by hand: restore it from the backup'
FROM outcome c
LEFT JOIN orders o ON o.order_no = c.order_no AND o.sale = c.sale
WHERE c.status = 'ordered' AND o.order_no IS NULL
UNION ALL
SELECT 'user_limit', k.sku, format('units of user %s', h.user_id), k.user_limit, h.units,
       'cancel what is beyond the limit'
FROM user_held h JOIN sku k ON k.sku = h.sku
WHERE h.units > k.user_limit
UNION ALL
SELECT 'user_limit', sku, format('units that buyer has for user %s = units of the orders', user_id),
       coalesce(h.units, 0), coalesce(b.units, 0), 'set buyer.units to the expected number'
FROM user_held h FULL JOIN buyer b USING (sku, user_id)
WHERE coalesce(h.units, 0) <> coalesce(b.units, 0) AND sku NOT IN (SELECT x.sku FROM crossed x)
UNION ALL
SELECT 'user_limit', b.sku, format('units of user %s, orders of the other server included', b.user_id),
       k.user_limit, b.units, 'cancel what is beyond the limit'
FROM buyer b JOIN sku k ON k.sku = b.sku AND NOT k.abroad
WHERE b.units > k.user_limit AND b.sku IN (SELECT x.sku FROM crossed x)
UNION ALL
SELECT 'one_outcome', c.sku, format('request %s was decided in both schemas', c.request_id), 1, 2,
       'believe the older outcome; cancel the order of the other one'
FROM outcome c
JOIN (SELECT r.request_id, r.sale FROM regular.outcome r WHERE current_schema() = 'hot'
      UNION ALL SELECT h.request_id, h.sale FROM hot.outcome h WHERE current_schema() = 'regular') e
  ON e.request_id = c.request_id AND e.sale = c.sale
WHERE c.sku IN (SELECT x.sku FROM crossed x)

-- 4. The books themselves
UNION ALL
SELECT 'books', sku, format('movements of slot %s = its remaining units', slot),
       coalesce(m.units, 0), coalesce(s.remaining, 0),
       'the slot was changed by hand: book the difference as a movement, or set the slot right'
FROM (SELECT a.sku, a.slot, sum(a.units) AS units FROM stock_movement a GROUP BY 1, 2) m
FULL JOIN stock_slot s USING (sku, slot)
WHERE coalesce(m.units, 0) <> coalesce(s.remaining, 0)
UNION ALL
SELECT 'books', sku, 'movements of sales and returns = units held by orders',
       coalesce(b.sold, 0)::bigint, coalesce(h.units, 0)::bigint,
       'an order was changed by hand: give its units back or take them with a movement'
FROM book b FULL JOIN held_of_sku h USING (sku)
WHERE coalesce(b.sold, 0) <> coalesce(h.units, 0)
UNION ALL
SELECT 'books', b.sku, 'splits and merges leave the sum as it is', 0, b.shifted::bigint,
       'find the set_slots call in stock_movement that does not add up'
FROM book b WHERE b.shifted <> 0
UNION ALL
SELECT 'books', m.sku, 'moves of both schemas, and post sent less applied, leave the sum as it is', 0,
       sum(m.units)::bigint, 'find the move in stock_movement of both that does not add up'
FROM (SELECT a.sku, a.units FROM regular.stock_movement a WHERE a.kind = 'move'
      UNION ALL SELECT a.sku, a.units FROM hot.stock_movement a WHERE a.kind = 'move'
      UNION ALL SELECT a.sku, a.units_sent - a.units_applied FROM regular.transfer_mark a
      UNION ALL SELECT a.sku, a.units_sent - a.units_applied FROM hot.transfer_mark a) m
GROUP BY m.sku HAVING sum(m.units) <> 0
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
SELECT 'books', o.sku, format('payments of paid order %s', o.order_no), 1, count(p.payment_ref),
       'ask the payment provider; book the payment, or expire the order'
FROM orders o
LEFT JOIN payment p ON p.order_no = o.order_no AND p.sale = o.sale AND p.result = 'paid'
WHERE o.status = 'paid' AND o.amount > 0 GROUP BY o.sku, o.order_no HAVING count(p.payment_ref) <> 1
UNION ALL
SELECT 'books', o.sku,
       format('payment %s, but order %s is %s', p.payment_ref, o.order_no, o.status),
       1, 0, 'the buyer has paid: set the order to paid, or refund'
FROM payment p LEFT JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
WHERE p.result = 'paid' AND o.status IS DISTINCT FROM 'paid'

-- 5. No lie
UNION ALL
SELECT 'no_lie', o.sku, 'orders from before the sale opened', 0, count(*),
       'opens_at was moved, or the clock of the server was'
FROM orders o JOIN catalog.sale s ON s.sale = o.sale
WHERE o.created_at < s.opens_at GROUP BY o.sku
UNION ALL
SELECT 'no_lie', min(o.sku), 'order numbers of the other schema', 0, count(*),
       'set the sequence order_no right: odd in regular, even in hot'
FROM orders o
WHERE o.order_no % 2 <> CASE current_schema() WHEN 'regular' THEN 1 ELSE 0 END
HAVING count(*) > 0
UNION ALL
SELECT 'no_lie', coalesce(d.sku, t.sku), 'terms that place_orders reads = those of the catalogue',
       1, 0, 'sku_terms was changed by hand, or a trigger is off: UPDATE catalog.sku SET state = state'
FROM catalog.due_sku_terms() d FULL JOIN catalog.sku_terms t ON t.sku = d.sku
WHERE d IS DISTINCT FROM t AND coalesce(d.home, t.home) = current_schema()

-- 6. The line: units that come back go by claims and rank, each to one order
UNION ALL
SELECT 'line', w.sku, format('user %s was served with order %s', w.user_id, w.order_no), 1,
       count(o.order_no), 'the order was deleted by hand or is somebody else''s: see its outcome'
FROM waiting w
LEFT JOIN orders o ON o.order_no = w.order_no AND o.sale = w.sale AND o.sku = w.sku
                  AND o.user_id = w.user_id
WHERE w.state = 'served' GROUP BY w.sku, w.user_id, w.order_no HAVING count(o.order_no) <> 1
UNION ALL
SELECT 'line', min(w.sku), format('order %s was made for one entry of the line', w.order_no), 1,
       count(*), 'set state and order_no of the other entries right'
FROM waiting w WHERE w.order_no IS NOT NULL GROUP BY w.order_no HAVING count(*) > 1
UNION ALL
SELECT 'line', c.sku, 'orders made for shoppers who waited = entries served', count(*),
       (SELECT count(*) FROM waiting w WHERE w.sku = c.sku AND w.state = 'served'),
       'an entry of the line was deleted or changed by hand'
FROM outcome c WHERE c.status = 'ordered' AND c.reason = 'waited' GROUP BY c.sku
HAVING count(*) <> (SELECT count(*) FROM waiting w WHERE w.sku = c.sku AND w.state = 'served')
UNION ALL
SELECT 'line', e.sku, format('user %s was served before user %s, whose turn it was', e.user_id,
                             b.user_id), 0, 1, 'somebody changed the line by hand, or a bug'
FROM waiting e
CROSS JOIN LATERAL (
  -- Who stood there at that moment, in front, and had not to be passed over.
  SELECT w.user_id FROM waiting w
  WHERE w.sale = e.sale AND w.sku = e.sku AND w.asked_at < e.ended_at
    AND (w.ended_at IS NULL OR w.ended_at > e.ended_at)
    AND (w.claims, w.rank, w.user_id) < (e.claims, e.rank, e.user_id)
    AND (w.passed_over_at IS NULL OR w.passed_over_at < e.ended_at)
  LIMIT 1) b
WHERE e.state = 'served'
UNION ALL
SELECT 'line', w.sku, format('the rank of user %s is not that of the lottery', w.user_id), 0, 1,
       'somebody changed the line by hand: set rank to catalog.lottery_rank(sale, user_id)'
FROM waiting w WHERE w.rank <> catalog.lottery_rank(w.sale, w.user_id)
UNION ALL
SELECT 'line', c.sku, format('claims of user %s = entries of the line that were served', c.user_id),
       sum(c.served), sum(c.counted), 'set buyer.claims to the expected number'
FROM (SELECT b.sku, b.user_id, 0 AS served, b.claims AS counted FROM buyer b WHERE b.claims > 0
      UNION ALL SELECT w.sku, w.user_id, 1, 0 FROM regular.waiting w WHERE w.state = 'served'
      UNION ALL SELECT w.sku, w.user_id, 1, 0 FROM hot.waiting w WHERE w.state = 'served') c
JOIN sku k ON k.sku = c.sku AND NOT k.abroad AND k.sku NOT IN (SELECT x.sku FROM crossed x)
GROUP BY c.sku, c.user_id HAVING sum(c.served) <> sum(c.counted)

-- 7. One event for each transition
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy FROM event_books() b

-- 8. Free orders, and money that goes back
UNION ALL
SELECT b.promise, b.sku, b.detail, b.expected, b.actual, b.remedy FROM money_books() b
$routine$;

ALTER FUNCTION :schema.audit OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.audit IS
  'The books of this schema: one row for each broken promise, none when all is well';
REVOKE ALL ON FUNCTION :schema.audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.audit TO flashsale_ops, flashsale_readonly;
