-- order_details: returns one order.
--
-- Parameters: p_order_no (home_of_order tells the home)
-- Result: one row; no row if there is no such order. A caller that shows the row compares user_id first
-- Tables: reads orders, and the tables that order_refund reads
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.order_details(p_order_no bigint)
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
  WHERE o.order_no = p_order_no
$routine$;

ALTER FUNCTION :schema.order_details OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_details IS
  'One order by its number';
REVOKE ALL ON FUNCTION :schema.order_details FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_details
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_console;
