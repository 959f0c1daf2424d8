-- money_books: whether orders that cost nothing are paid, and whether what was told of money that goes back
-- is so: of each payment the events refund_due and refunded take turns, and the last one is true. Part of
-- audit.
--
-- Parameters: none
-- Result: as of audit; one row for each SKU and broken promise, with the first order numbers
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
  SELECT e.payment_ref, e.order_nos[1] AS order_no,
         count(*) FILTER (WHERE e.kind = 'refund_due') AS due,
         count(*) FILTER (WHERE e.kind = 'refunded') AS refunded
  FROM (SELECT x.payment_ref, x.order_nos, x.kind FROM outbox x WHERE x.payment_ref IS NOT NULL
        UNION ALL
        SELECT v.payment_ref, v.order_nos, v.kind FROM event v WHERE v.payment_ref IS NOT NULL) e
  GROUP BY 1, 2
), owed AS (
  SELECT p.payment_ref, p.order_no, CASE WHEN r.state = 'done' THEN 0 ELSE 1 END AS is_due
  FROM payment p LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
  WHERE p.result = 'refund_due'
)
SELECT 'books', o.sku,
       format('unpaid orders that cost nothing: %s', min(o.order_no)), 0::bigint, count(*),
       'they are paid when they are made: set them to paid'
FROM orders o WHERE o.status = 'ordered' AND o.amount = 0 GROUP BY o.sku
UNION ALL
SELECT 'one_event', min(o.sku),
       format('events of the refund of payment %s of order %s', w.payment_ref, min(w.order_no)),
       sum(w.is_due)::bigint, sum(w.due - w.refunded)::bigint,
       'an event is missing or told twice: see refunds, and tell its readers'
FROM (SELECT payment_ref, coalesce(d.order_no, t.order_no) AS order_no, coalesce(d.is_due, 0) AS is_due,
             coalesce(t.due, 0) AS due, coalesce(t.refunded, 0) AS refunded
      FROM owed d FULL JOIN told t USING (payment_ref)) w
LEFT JOIN orders o ON o.order_no = w.order_no
WHERE w.due - w.refunded <> w.is_due
GROUP BY w.payment_ref
$routine$;

ALTER FUNCTION :schema.money_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.money_books IS
  'Whether free orders are paid, and refunds told as they are: part of audit';
REVOKE ALL ON FUNCTION :schema.money_books FROM PUBLIC;
