-- sale_age: returns how many transactions ago any order of a sale, payment or refund last changed. An export may
-- come from a standby only if all of it is older than the oldest transaction that still ran on the primary when
-- the primary was asked (decision 67). Call it in the transaction of the export.
--
-- Parameters: p_sale, the sale
-- Result: the smallest age(xmin) of the rows that export_orders reads; NULL if there are none
-- Tables: reads orders, payment, refund
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.sale_age(p_sale text) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  RETURN least(
      (SELECT min(age(o.xmin)) FROM orders o WHERE o.sale = p_sale),
      (SELECT min(age(p.xmin)) FROM payment p WHERE p.sale = p_sale),
      (SELECT min(age(r.xmin)) FROM refund r WHERE r.sale = p_sale));
END
$routine$;

ALTER FUNCTION :schema.sale_age OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.sale_age IS
  'How many transactions ago any order of a sale, payment or refund last changed';
REVOKE ALL ON FUNCTION :schema.sale_age FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.sale_age TO flashsale_ops;
