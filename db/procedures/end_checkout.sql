-- end_checkout: a session of the provider cannot be paid any more, or could not be ended. Workers call it
-- after take_checkouts; web nodes when the provider says that a session is over; an operator for a session
-- that the provider knows nothing of: SELECT hot.end_checkout(2, 'its session_ref', 'ended', NULL).
--
-- Parameters
--   p_order_no     the order
--   p_session_ref  the session: a later one of the order stays as it is
--   p_state        ended: nobody pays in it any more; paying: its shopper was faster, and what became of
--                  the payment the provider has not said; NULL: it could not be ended, and is tried again
--   p_error        why it could not be ended
-- Result: whether it is the order's session, and was not known to be over
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
  'A session of the provider is over, or could not be ended';
REVOKE ALL ON FUNCTION :schema.end_checkout FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_checkout TO flashsale_web, flashsale_worker, flashsale_ops;
