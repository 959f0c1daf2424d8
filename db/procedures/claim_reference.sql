-- claim_reference: binds a reference of the payment provider to one order, across both schemas. Part of
-- pay_order and refuse_payment. For an order of another server, call it first on the server of regular,
-- which has all references.
--
-- Parameters: p_payment_ref; p_sale and p_order_no, the order
-- Result: true if the reference belongs to this order, by this call or an earlier one
-- Tables: writes catalog.payment_reference
-- Locks: the key of the reference
-- Errors: FS001 the reference is empty or has more than 200 characters

CREATE OR REPLACE FUNCTION catalog.claim_reference(
  p_payment_ref text, p_sale text, p_order_no bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  IF p_payment_ref IS NULL OR length(p_payment_ref) NOT BETWEEN 1 AND 200 THEN
    RAISE EXCEPTION 'a payment reference has 1 to 200 characters' USING ERRCODE = 'FS001';
  END IF;
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
  'Binds a reference of the payment provider to one order: before or in pay_order';
REVOKE ALL ON FUNCTION catalog.claim_reference FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.claim_reference TO flashsale_web, flashsale_worker, flashsale_ops;
