-- order_days: returns the days and streaks of orders of daily goods. They never change.
--
-- Parameters: p_order_nos, orders of this schema
-- Result: one row for each of them that is of daily goods
-- Tables: reads orders
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_days(p_order_nos bigint[])
RETURNS TABLE (order_no bigint, day date, streak int)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  -- In plpgsql, because a routine of plain SQL is planned anew at every call.
  RETURN QUERY
  SELECT o.order_no, o.day, o.streak FROM orders o WHERE o.order_no = ANY (p_order_nos) AND o.day IS NOT NULL;
END
$routine$;

ALTER FUNCTION :schema.order_days OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_days IS 'The days and streaks of orders of daily goods';
REVOKE ALL ON FUNCTION :schema.order_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_days TO flashsale_worker;
