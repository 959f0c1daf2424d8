-- claim_reference: binds a reference of the payment provider to one order, over both schemas. Part of
-- pay_order and refuse_payment; not to be called alone.
--
-- Parameters: p_payment_ref; p_sale and p_order_no, the order
-- Result: whether the reference is this order's, now or by an earlier call
-- Tables: writes catalog.payment_reference
-- Locks: the key of the reference
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.claim_reference(
  p_payment_ref text, p_sale text, p_order_no bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  INSERT INTO catalog.payment_reference (payment_ref, sale, order_no)
  VALUES (p_payment_ref, p_sale, p_order_no)
  ON CONFLICT (payment_ref) DO NOTHING;
  RETURN FOUND OR EXISTS (
    SELECT FROM catalog.payment_reference r
    WHERE r.payment_ref = p_payment_ref AND r.order_no = p_order_no);
END
$routine$;

ALTER FUNCTION catalog.claim_reference OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.claim_reference IS
  'Binds a reference of the payment provider to one order: part of pay_order';
REVOKE ALL ON FUNCTION catalog.claim_reference FROM PUBLIC;
