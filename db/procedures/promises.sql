-- promises: returns what shoppers were told about orders. flashsale after-restore reads it from a copy of the lost
-- time and from the database that was set back, and lists the differences.
--
-- Parameters: p_since, orders that changed since then; p_order_nos, or these orders
-- Result: one row for each order. node: the web node that admitted the request; payment_ref: the payment that
--   pays it, or that had paid it when the shop cancelled it; NULL: none
-- Tables: reads orders, outcome, payment
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.promises(p_since timestamptz, p_order_nos bigint[])
RETURNS TABLE (
  order_no bigint, sale text, sku text, user_id text, request_id uuid, node text, units int, amount numeric,
  currency text, status text, created_at timestamptz, changed_at timestamptz, payment_ref text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT o.order_no, o.sale, o.sku, o.user_id, o.request_id, c.node, o.units, o.amount, o.currency, o.status,
         o.created_at, o.changed_at,
         (SELECT p.payment_ref FROM payment p
          WHERE p.order_no = o.order_no AND p.sale = o.sale
            AND (p.result = 'paid' OR p.due_at IS NOT NULL) LIMIT 1)
  FROM orders o LEFT JOIN outcome c ON c.request_id = o.request_id AND c.sale = o.sale
  WHERE o.changed_at >= p_since OR o.order_no = ANY (p_order_nos)
  ORDER BY o.order_no
$routine$;

ALTER FUNCTION :schema.promises OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.promises IS
  'What shoppers were told about orders: for flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.promises FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.promises TO flashsale_ops, flashsale_readonly;
