-- order_units: returns the numbered units that orders have. An order that was cancelled or has expired has none.
--
-- Parameters: p_order_nos, orders of this schema
-- Result: one row for each of them that has some: units, an array of {row, seat}, best first. There is no row where the
--   unit is in none, such as a serial number
-- Tables: reads unit
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_units(p_order_nos bigint[])
RETURNS TABLE (order_no bigint, units json)
-- VOLATILE: a worker asks in the statement that has placed the orders.
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT u.order_no, json_agg(json_strip_nulls(json_build_object('row', u.line, 'seat', u.seat)) ORDER BY u.position)
  FROM unit u WHERE u.order_no = ANY (p_order_nos) AND u.amount IS NULL
  GROUP BY 1
$routine$;

ALTER FUNCTION :schema.order_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_units IS 'The numbered units that orders have';
REVOKE ALL ON FUNCTION :schema.order_units FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_units TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_console;
