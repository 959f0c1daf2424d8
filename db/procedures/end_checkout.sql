-- end_checkout: a session of the provider cannot be paid any more, or could not be ended. Workers call it
-- after take_checkouts; web nodes when the provider says that a session is over.
--
-- Parameters
--   p_order_no     the order
--   p_session_ref  the session: a later one of the order stays as it is
--   p_error        why it could not be ended: tried again, unless the provider has ended it by itself
--                  since. NULL: it is over
-- Result: whether it is the order's session, and was not known to be over
-- Tables: writes checkout
-- Locks: the checkout row
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.end_checkout(
  p_order_no bigint, p_session_ref text, p_error text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  UPDATE checkout c
  SET state = CASE WHEN p_error IS NULL OR c.ends_at <= now() THEN 'ended' ELSE c.state END,
      last_error = left(p_error, 500), changed_at = now()
  WHERE c.order_no = p_order_no AND c.session_ref = p_session_ref AND c.state <> 'ended';
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION :schema.end_checkout OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_checkout IS
  'A session of the provider is over, or could not be ended';
REVOKE ALL ON FUNCTION :schema.end_checkout FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_checkout TO flashsale_web, flashsale_worker;
