-- end_refund: records the result of a refund. Workers call it; web nodes of the last release do so as well, those of this
-- one call fail_refund. An operator calls it after a refund by hand:
--   SELECT hot.end_refund('the payment''s reference', 'the refund''s reference', NULL);
--
-- Parameters
--   p_payment_ref  the payment that is given back
--   p_refund_ref   the provider's reference of the refund; NULL: there is no refund yet
--   p_error        without p_refund_ref: why there is no refund yet; with p_refund_ref: why this refund
--                  failed. The money is then due again
-- Result: false if this schema has no payment with this reference that has to be given back. A refund that
--   is done stays done, unless p_error says that this very refund failed. A refund that is known to have
--   failed cannot become done
-- Tables: reads orders, payment; writes refund; writes outbox when the money was given back or is due again
-- Locks, in order: the payment row; the refund row
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.end_refund(
  p_payment_ref text, p_refund_ref text, p_error text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_is_done boolean := p_refund_ref IS NOT NULL AND p_error IS NULL;
  v_failed  text[] := CASE WHEN p_error IS NULL OR p_refund_ref IS NULL THEN '{}'::text[]
                           ELSE ARRAY[p_refund_ref] END;
  v_payment record;
  v_state   text;
BEGIN
  -- The row lock lets one call run at a time, so each change of the state has one event.
  SELECT p.sale, p.order_no INTO v_payment
  FROM payment p WHERE p.payment_ref = p_payment_ref AND p.result = 'refund_due' FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  SELECT r.state INTO v_state FROM refund r
  WHERE r.payment_ref = p_payment_ref AND r.sale = v_payment.sale;

  INSERT INTO refund AS r (payment_ref, sale, order_no, state, refund_ref, last_error, failed_refs)
  VALUES (p_payment_ref, v_payment.sale, v_payment.order_no, CASE WHEN v_is_done THEN 'done' ELSE 'due' END,
          CASE WHEN v_is_done THEN p_refund_ref END, left(p_error, 500), v_failed)
  ON CONFLICT (payment_ref, sale) DO UPDATE
  SET state = excluded.state, refund_ref = excluded.refund_ref, last_error = excluded.last_error,
      failed_refs = r.failed_refs || v_failed, changed_at = now(),
      next_try_at = CASE WHEN v_failed = '{}' THEN r.next_try_at
        ELSE now() + catalog.tunable('refund_retry_s') * 2 ^ least(r.tries, 7) * interval '1 s' END
  WHERE p_refund_ref IS NULL AND r.state = 'due'
     OR p_refund_ref <> ALL (r.failed_refs)
        AND (r.state = 'due' OR r.refund_ref = p_refund_ref AND NOT v_is_done);

  INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
  SELECT CASE r.state WHEN 'done' THEN 'refunded' ELSE 'refund_due' END, o.sale, o.sku,
         ARRAY[o.order_no], r.payment_ref
  FROM refund r JOIN orders o ON o.order_no = r.order_no AND o.sale = r.sale
  WHERE r.payment_ref = p_payment_ref AND r.sale = v_payment.sale
    AND r.state <> coalesce(v_state, 'due');
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.end_refund OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_refund IS
  'Records the result of a refund: its reference, why there is none yet, or why it failed';
REVOKE ALL ON FUNCTION :schema.end_refund FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_refund TO flashsale_web, flashsale_worker, flashsale_ops;
