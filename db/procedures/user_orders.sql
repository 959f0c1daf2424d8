-- user_orders: returns the orders of a user in this schema, newest first.
--
-- Parameters
--   p_user_id                the user
--   p_limit                  the largest number of rows
--   p_before, p_before_no    created_at and order_no of the last row of the page before; p_before NULL for
--                            the first page
-- Result: one row for each order; refund as order_refund returns it
-- Tables: reads orders, and the tables of order_refund
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.user_orders(
  p_user_id text, p_limit int DEFAULT 20, p_before timestamptz DEFAULT NULL,
  p_before_no bigint DEFAULT NULL
)
RETURNS TABLE (
  order_no bigint, request_id uuid, sale text, sku text, user_id text, units int, amount numeric,
  currency text, status text, reason text, created_at timestamptz, pay_before timestamptz,
  refund json
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT o.order_no, o.request_id, o.sale, o.sku, o.user_id, o.units, o.amount, o.currency,
         o.status, o.reason, o.created_at, o.pay_before,
         order_refund(o.order_no, o.sale, o.amount, o.currency)
  FROM orders o
  WHERE o.user_id = p_user_id
    AND (p_before IS NULL OR (o.created_at, o.order_no) < (p_before, coalesce(p_before_no, 0)))
  ORDER BY o.created_at DESC, o.order_no DESC
  LIMIT p_limit
$routine$;

ALTER FUNCTION :schema.user_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.user_orders IS
  'The orders of a user in this schema, newest first';
REVOKE ALL ON FUNCTION :schema.user_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.user_orders
  TO flashsale_web, flashsale_ops, flashsale_console;
