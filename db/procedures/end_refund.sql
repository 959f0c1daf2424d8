-- end_refund: how a refund went. Workers call it; so does an operator who has given the money back by
-- hand: SELECT hot.end_refund('the payment''s reference', 'the refund''s reference', NULL).
--
-- Parameters: p_payment_ref; p_refund_ref, the provider's reference of the refund, or NULL and p_error,
--   why there is none yet
-- Result: false if no payment with this reference is to be given back in this schema. A refund that is
--   done stays as it is
-- Tables: reads payment; writes refund
-- Locks: the refund row
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.end_refund(
  p_payment_ref text, p_refund_ref text, p_error text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  INSERT INTO refund AS r (payment_ref, sale, order_no, state, refund_ref, last_error)
  SELECT p.payment_ref, p.sale, p.order_no,
         CASE WHEN p_refund_ref IS NULL THEN 'due' ELSE 'done' END, p_refund_ref, left(p_error, 500)
  FROM payment p WHERE p.payment_ref = p_payment_ref AND p.result = 'refund_due'
  ON CONFLICT (payment_ref, sale) DO UPDATE
  SET state = excluded.state, refund_ref = excluded.refund_ref, last_error = excluded.last_error,
      changed_at = now()
  WHERE r.state = 'due';
  RETURN EXISTS (SELECT FROM payment p
                 WHERE p.payment_ref = p_payment_ref AND p.result = 'refund_due');
END
$routine$;

ALTER FUNCTION :schema.end_refund OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_refund IS
  'How a refund went: its reference, or why there is none yet';
REVOKE ALL ON FUNCTION :schema.end_refund FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_refund TO flashsale_worker, flashsale_ops;
