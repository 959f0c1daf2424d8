-- fail_refund: records that a refund has failed after the provider had taken it. Web nodes call it for the provider's
-- news, which come several times and in any order. It cannot say that money was given back, as end_refund can.
--
-- Parameters: p_payment_ref, the payment; p_refund_ref, the provider's reference of the refund; p_error, why it failed
-- Result
--   due   the money has to go back, by this call or since before
--   done  another refund is in force: nothing was changed
--   none  this schema has no payment with this reference that has to be given back
-- Tables: reads refund; writes the tables of end_refund
-- Locks: those of end_refund
-- Errors: FS001 no p_refund_ref or no p_error

CREATE OR REPLACE FUNCTION :schema.fail_refund(
  p_payment_ref text, p_refund_ref text, p_error text
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  IF p_refund_ref IS NULL OR p_error IS NULL THEN
    RAISE EXCEPTION 'fail_refund takes the reference of a refund and why it failed' USING ERRCODE = 'FS001';
  END IF;
  IF NOT end_refund(p_payment_ref, p_refund_ref, p_error) THEN RETURN 'none'; END IF;
  RETURN (SELECT CASE WHEN bool_or(r.state = 'due') THEN 'due' ELSE 'done' END
          FROM refund r WHERE r.payment_ref = p_payment_ref);
END
$routine$;

ALTER FUNCTION :schema.fail_refund OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.fail_refund IS 'Records that a refund has failed: due, done or none';
REVOKE ALL ON FUNCTION :schema.fail_refund FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.fail_refund TO flashsale_web;
