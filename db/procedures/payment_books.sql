-- payment_books: compares paid orders, and orders that were paid when the shop cancelled them, with their
-- payments, order by order, in the sales whose sums differ. Part of audit.
--
-- Parameters: p_sales, the sales to look at
-- Result: as in audit; one row for each order or payment that differs
-- Tables: reads orders, payment
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.payment_books(p_sales text[])
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
SELECT 'books', o.sku, format('payments of paid order %s', o.order_no), 1::bigint, count(p.payment_ref),
       'ask the payment provider; book the payment, or expire the order'
FROM orders o
LEFT JOIN payment p ON p.order_no = o.order_no AND p.sale = o.sale
  AND CASE WHEN o.was_paid THEN p.due_at IS NOT NULL ELSE p.result = 'paid' END
WHERE (o.status = 'paid' OR o.was_paid) AND o.amount > 0 AND o.sale = ANY (p_sales)
GROUP BY o.sku, o.order_no HAVING count(p.payment_ref) <> 1
UNION ALL
SELECT 'books', o.sku,
       format('payment %s, but order %s is %s', p.payment_ref, o.order_no, o.status),
       1, 0, 'the buyer has paid: set the order to paid, or refund'
FROM payment p LEFT JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
WHERE p.result = 'paid' AND o.status IS DISTINCT FROM 'paid' AND p.sale = ANY (p_sales)
UNION ALL
SELECT 'books', o.sku,
       format('payment %s goes back as that of order %s, which is %s', p.payment_ref, p.order_no, o.status),
       1, 0, 'the order was changed by hand: set it to cancelled, with was_paid, or ask what happened'
FROM payment p LEFT JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
WHERE p.due_at IS NOT NULL AND o.was_paid IS DISTINCT FROM true AND p.sale = ANY (p_sales)
$routine$;

ALTER FUNCTION :schema.payment_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.payment_books IS
  'Compares the paid orders of some sales with their payments, one by one: part of audit';
REVOKE ALL ON FUNCTION :schema.payment_books FROM PUBLIC;
