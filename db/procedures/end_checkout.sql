-- end_checkout: records that a session of the payment provider is over, or that it could not be ended.
-- Workers call it after take_checkouts. Web nodes call it when the provider reports that a session is over.
-- An operator calls it for a session that the provider does not know:
--   SELECT hot.end_checkout(2, 'its session_ref', 'ended', NULL);
--
-- Parameters
--   p_order_no     the order
--   p_session_ref  the session. A later session of the order is not changed
--   p_state        ended: nobody can pay in the session any more
--                  paying: the shopper completed the session first, and the provider has not yet reported
--                    the result of the payment
--                  NULL: the session could not be ended, and a worker tries again
--   p_error        why the session could not be ended
-- Result: true if the session is that of the order and was not known to be over
-- Tables: writes checkout
-- Locks: the checkout row
-- Errors: 23514 no such state

CREATE OR REPLACE FUNCTION :schema.end_checkout(
  p_order_no bigint, p_session_ref text, p_state text, p_error text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  UPDATE checkout c
  SET state = coalesce(p_state, c.state), last_error = left(p_error, 500), changed_at = now()
  WHERE c.order_no = p_order_no AND c.session_ref = p_session_ref AND c.state <> 'ended';
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION :schema.end_checkout OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_checkout IS
  'Records that a session of the provider is over, or that it could not be ended';
REVOKE ALL ON FUNCTION :schema.end_checkout FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_checkout TO flashsale_web, flashsale_worker, flashsale_ops;
