-- door_units: returns all numbered units of a sale in this schema, and the paid order that has each now, for the door.
--
-- Parameters: p_sale
-- Result: one row for each unit, by SKU and position; order_no is NULL if no paid order has it
-- Tables: reads orders, unit
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.door_units(p_sale text)
RETURNS TABLE (sku text, unit_position int, line text, seat text, order_no bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT u.sku, u.position, u.line, u.seat, o.order_no
  FROM unit u
  LEFT JOIN orders o ON o.sale = u.sale AND o.order_no = u.order_no AND o.status = 'paid'
  WHERE u.sale = p_sale AND u.amount IS NULL
  ORDER BY u.sku, u.position
$routine$;

ALTER FUNCTION :schema.door_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.door_units IS 'The numbered units of a sale, and the paid order that has each';
REVOKE ALL ON FUNCTION :schema.door_units FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.door_units TO flashsale_ops;
