-- order_times: returns when the first and the last order of a sale were placed in this schema.
--
-- Parameters: p_sale, the sale
-- Result: one row; nulls if there is no order
-- Tables: reads orders
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_times(p_sale text)
RETURNS TABLE (first_at timestamptz, last_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT min(o.created_at), max(o.created_at) FROM orders o WHERE o.sale = p_sale
$routine$;

ALTER FUNCTION :schema.order_times OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_times IS 'When the first and the last order of a sale were placed';
REVOKE ALL ON FUNCTION :schema.order_times FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_times TO flashsale_ops;
