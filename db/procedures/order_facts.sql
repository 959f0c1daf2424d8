-- order_facts: returns what is recorded about an order beside order_details, for customer service.
--
-- Parameters: p_order_no
-- Result: one row; no row if there is no such order
--   changed_at     the last change of its status
--   paid_by        the payment that pays it, or that had paid it when the shop cancelled it; NULL: none
--   session_state  open, ending, paying or ended: the payment session at the provider; NULL if there was none
--   session_ends_at, session_changed_at  until when one can pay in it; when its state last changed
--   session_error  what the provider said when it could not be ended
-- Tables: reads orders, payment, checkout
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.order_facts(p_order_no bigint)
RETURNS TABLE (
  changed_at timestamptz, paid_by text, session_state text, session_ends_at timestamptz,
  session_changed_at timestamptz, session_error text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT o.changed_at,
         (SELECT p.payment_ref FROM payment p
          WHERE p.order_no = o.order_no AND p.sale = o.sale
            AND (p.result = 'paid' OR p.due_at IS NOT NULL) LIMIT 1),
         c.state, c.ends_at, c.changed_at, c.last_error
  FROM orders o
  LEFT JOIN checkout c ON c.order_no = o.order_no AND c.sale = o.sale
  WHERE o.order_no = p_order_no
$routine$;

ALTER FUNCTION :schema.order_facts OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_facts IS
  'When the status of an order last changed, what paid it, and its payment session';
REVOKE ALL ON FUNCTION :schema.order_facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_facts TO flashsale_ops, flashsale_console;
