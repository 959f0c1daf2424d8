-- take_refunds: takes payments that have to go back, for a worker that asks the provider for the refund. No
-- other call takes them before their next try is due. end_refund records the result.
--
-- Parameters: p_prefix, with which the references of the provider begin: its name, a colon, and perhaps more;
--   p_limit, the largest number of rows. The longest due are taken first
-- Result: one row for each payment: payment_ref, order_no, tries (including this one), failed_ref (its last
--   refund that failed, or NULL)
-- Tables: reads catalog.tunable; writes refund
-- Locks: refund rows (SKIP LOCKED)
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.take_refunds(p_prefix text, p_limit int)
RETURNS TABLE (payment_ref text, order_no bigint, tries int, failed_ref text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT r.payment_ref, r.sale FROM refund r
    WHERE r.state = 'due' AND split_part(r.payment_ref, ':', 1) = split_part(p_prefix, ':', 1)
      AND r.next_try_at <= now() AND starts_with(r.payment_ref, p_prefix)
    ORDER BY r.next_try_at LIMIT p_limit
    FOR UPDATE SKIP LOCKED
  )
  UPDATE refund r
  SET tries = r.tries + 1, changed_at = now(),
      next_try_at = now() + catalog.tunable('refund_retry_s') * 2 ^ least(r.tries, 7) * interval '1 s'
  FROM due d WHERE r.payment_ref = d.payment_ref AND r.sale = d.sale
  RETURNING r.payment_ref, r.order_no, r.tries, r.failed_refs[cardinality(r.failed_refs)];
END
$routine$;

ALTER FUNCTION :schema.take_refunds OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.take_refunds IS
  'Takes payments that have to go back now; end_refund records the result';
REVOKE ALL ON FUNCTION :schema.take_refunds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.take_refunds TO flashsale_worker;
