-- order_payments: returns the payments that came for an order, and what became of their refunds.
--
-- Parameters: p_order_no, the order
-- Result: one row for each payment, in the order in which they came
--   payment_ref   the provider's reference
--   result        paid: it pays the order; refund_due: it goes back
--   amount, currency  what came
--   received_at   when it was booked
--   refund_state  due or done; NULL if it does not go back
--   refund_ref    the provider's reference of the refund; NULL while there is none
--   tries, last_error  how often a worker asked the provider for the refund, and what went wrong last
--   changed_at    when the refund last changed; NULL if there is none
-- Tables: reads orders, payment, refund
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_payments(p_order_no bigint)
RETURNS TABLE (
  payment_ref text, result text, amount numeric, currency text, received_at timestamptz,
  refund_state text, refund_ref text, tries int, last_error text, changed_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT p.payment_ref, p.result, coalesce(p.amount, o.amount), coalesce(p.currency, o.currency),
         p.received_at, CASE WHEN p.result = 'refund_due' THEN coalesce(r.state, 'due') END,
         r.refund_ref, coalesce(r.tries, 0), r.last_error, r.changed_at
  FROM payment p
  JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
  LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
  WHERE p.order_no = p_order_no
  ORDER BY p.received_at, p.payment_ref
$routine$;

ALTER FUNCTION :schema.order_payments OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_payments IS
  'The payments that came for an order, and what became of their refunds';
REVOKE ALL ON FUNCTION :schema.order_payments FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_payments TO flashsale_ops, flashsale_console;
