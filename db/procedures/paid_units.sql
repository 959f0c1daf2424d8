-- paid_units: returns the numbered units of an order with their positions, to sign their codes, if the order is paid.
--
-- Parameters: p_order_no
-- Result: one row for each unit, best first; no rows if the order is not paid, has no numbered units or does not exist
-- Tables: reads orders, unit
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.paid_units(p_order_no bigint)
RETURNS TABLE (unit_position int, line text, seat text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT u.position, u.line, u.seat
  FROM orders o JOIN unit u ON u.sale = o.sale AND u.order_no = o.order_no
  WHERE o.order_no = p_order_no AND o.status = 'paid' AND u.amount IS NULL
  ORDER BY u.position
$routine$;

ALTER FUNCTION :schema.paid_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.paid_units IS 'The numbered units of a paid order, with their positions';
REVOKE ALL ON FUNCTION :schema.paid_units FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.paid_units TO flashsale_web;
