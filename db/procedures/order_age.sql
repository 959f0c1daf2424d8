-- order_age: returns how many transactions ago an order, its payments and their refunds last changed. A standby's
-- answer counts only if all of it is older than the oldest transaction that still ran on the primary when the
-- primary was asked (decision 67).
--
-- Parameters: p_order_no, p_sale
-- Result: the smallest age(xmin) of the rows that the routines which return orders read; NULL if there is no
--   such order
-- Tables: reads orders, payment, refund
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_age(p_order_no bigint, p_sale text) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  RETURN least(
      (SELECT age(o.xmin) FROM orders o WHERE o.order_no = p_order_no AND o.sale = p_sale),
      (SELECT min(least(age(p.xmin), age(r.xmin)))
       FROM payment p
       LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
       WHERE p.order_no = p_order_no AND p.sale = p_sale));
END
$routine$;

ALTER FUNCTION :schema.order_age OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_age IS
  'How many transactions ago an order, its payments and their refunds last changed';
REVOKE ALL ON FUNCTION :schema.order_age FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.order_age TO flashsale_web, flashsale_ops, flashsale_console;
