-- home_of_order: returns the number of the home whose order numbers are like this one. catalog.home has the
-- names. From 1,000,000,000 on, the last three digits are the number of the home. Below, odd numbers are of
-- regular (1) and even ones of hot (2). order_sums has the same rule in its statement, which is faster for
-- many orders. contracts/homes.ts has it too.
--
-- Parameters: p_order_no
-- Result: the number
-- Tables: none
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.home_of_order(p_order_no bigint) RETURNS int
LANGUAGE sql IMMUTABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT (CASE WHEN p_order_no < 1000000000 THEN 2 - p_order_no % 2 ELSE p_order_no % 1000 END)::int
$routine$;

ALTER FUNCTION catalog.home_of_order OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.home_of_order IS 'The number of the home that an order number tells';
REVOKE ALL ON FUNCTION catalog.home_of_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.home_of_order
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly, flashsale_console;
