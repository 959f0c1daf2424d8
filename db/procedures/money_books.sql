-- money_books: checks that orders that cost nothing are paid, and that the refund events of each payment
-- are right: refund_due and refunded alternate, the last one agrees with the state of the refund, and there
-- are no more refunded events than refunds (those that failed, and the one that is done). Part of audit.
--
-- Parameters: none
-- Result: as in audit; one row for each SKU with unpaid orders that cost nothing, with the first order
--   number; one row for each payment whose events are wrong
-- Tables: reads orders, payment, refund, outbox, event
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.money_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH told AS (
  SELECT t.payment_ref, t.order_no,
         count(*) FILTER (WHERE t.kind = 'refund_due') AS due,
         count(*) FILTER (WHERE t.kind = 'refunded') AS refunded,
         count(*) FILTER (WHERE t.kind = t.before) AS out_of_turn
  FROM (SELECT e.payment_ref, e.order_nos[1] AS order_no, e.kind,
               lag(e.kind, 1, 'refunded') OVER (PARTITION BY e.payment_ref ORDER BY e.event_no) AS before
        FROM (SELECT x.payment_ref, x.order_nos, x.kind, x.event_no FROM outbox x
              WHERE x.payment_ref IS NOT NULL
              UNION ALL
              SELECT v.payment_ref, v.order_nos, v.kind, v.event_no FROM event v
              WHERE v.payment_ref IS NOT NULL) e) t
  GROUP BY 1, 2
), owed AS (
  SELECT p.payment_ref, p.order_no, CASE WHEN r.state = 'done' THEN 0 ELSE 1 END AS is_due,
         coalesce(cardinality(r.failed_refs), 0) + CASE WHEN r.state = 'done' THEN 1 ELSE 0 END AS refunds
  FROM payment p LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
  WHERE p.result = 'refund_due'
)
SELECT 'books', o.sku,
       format('unpaid orders that cost nothing: %s', min(o.order_no)), 0::bigint, count(*),
       'they are paid when they are made: set them to paid'
FROM orders o WHERE o.status = 'ordered' AND o.amount = 0 GROUP BY o.sku
UNION ALL
SELECT 'one_event', min(o.sku),
       format('events of the refund of payment %s of order %s that are missing or out of turn',
              w.payment_ref, min(w.order_no)),
       0, sum(greatest(abs(w.due - w.refunded - w.is_due), w.out_of_turn, w.refunded - w.refunds))::bigint,
       'an event is missing or told twice: see refunds, and tell its readers'
FROM (SELECT payment_ref, coalesce(d.order_no, t.order_no) AS order_no, coalesce(d.is_due, 0) AS is_due,
             coalesce(d.refunds, 0) AS refunds, coalesce(t.due, 0) AS due,
             coalesce(t.refunded, 0) AS refunded, coalesce(t.out_of_turn, 0) AS out_of_turn
      FROM owed d FULL JOIN told t USING (payment_ref)) w
LEFT JOIN orders o ON o.order_no = w.order_no
WHERE w.due - w.refunded <> w.is_due OR w.out_of_turn > 0 OR w.refunded > w.refunds
GROUP BY w.payment_ref
$routine$;

ALTER FUNCTION :schema.money_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.money_books IS
  'Checks that free orders are paid, and that refund events agree with the refunds: part of audit';
REVOKE ALL ON FUNCTION :schema.money_books FROM PUBLIC;
