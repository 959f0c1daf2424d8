-- free_units: makes the numbered units of orders free again. Part of end_orders and expire_orders_of, before
-- return_units: the waitlist may take them at once. Packets stay taken.
--
-- Parameters: p_sale; p_order_nos, orders that end in this transaction
-- Result: none
-- Tables: writes unit
-- Locks: the unit rows of the orders
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.free_units(p_sale text, p_order_nos bigint[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  UPDATE unit u SET order_no = NULL
  WHERE u.sale = p_sale AND u.order_no = ANY (p_order_nos) AND u.amount IS NULL
$routine$;

ALTER FUNCTION :schema.free_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.free_units IS
  'Makes the numbered units of orders that end free again: part of end_orders and expire_orders_of';
REVOKE ALL ON FUNCTION :schema.free_units FROM PUBLIC;
