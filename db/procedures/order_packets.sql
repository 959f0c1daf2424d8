-- order_packets: returns the packets that orders of amounts have drawn. They never change.
--
-- Parameters: p_order_nos, orders of this schema
-- Result: one row for each of them that has a packet. Its currency is that of the order
-- Tables: reads unit
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_packets(p_order_nos bigint[])
RETURNS TABLE (order_no bigint, packet numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  -- In plpgsql, because a routine of plain SQL is planned anew at every call.
  RETURN QUERY
  SELECT u.order_no, u.amount FROM unit u WHERE u.order_no = ANY (p_order_nos) AND u.amount IS NOT NULL;
END
$routine$;

ALTER FUNCTION :schema.order_packets OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_packets IS 'The packets that orders of amounts have drawn';
REVOKE ALL ON FUNCTION :schema.order_packets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_packets TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_console;
