-- take_checkouts: takes payment sessions whose order has ended, for a worker that ends them at the provider.
-- No other call takes them before their next try is due. end_checkout records the result.
--
-- Parameters: p_prefix, with which the references of the provider begin; p_limit, the largest number of rows
-- Result: one row for each session: session_ref, order_no, tries (including this one)
-- Tables: reads catalog.tunable; writes checkout
-- Locks: checkout rows (SKIP LOCKED)
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.take_checkouts(p_prefix text, p_limit int)
RETURNS TABLE (session_ref text, order_no bigint, tries int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT c.order_no, c.sale FROM checkout c
    WHERE c.state = 'ending' AND c.next_try_at <= now() AND starts_with(c.session_ref, p_prefix)
    ORDER BY c.next_try_at LIMIT p_limit
    FOR UPDATE SKIP LOCKED
  )
  UPDATE checkout c
  SET tries = c.tries + 1, changed_at = now(),
      next_try_at = now()
        + catalog.tunable('checkout_retry_s') * 2 ^ least(c.tries, 7) * interval '1 s'
  FROM due d WHERE c.order_no = d.order_no AND c.sale = d.sale
  RETURNING c.session_ref, c.order_no, c.tries;
END
$routine$;

ALTER FUNCTION :schema.take_checkouts OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.take_checkouts IS
  'Takes sessions to end at the provider now; end_checkout records the result';
REVOKE ALL ON FUNCTION :schema.take_checkouts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.take_checkouts TO flashsale_worker;
