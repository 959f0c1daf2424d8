-- live_checkout: returns the session in which an order can be paid now.
--
-- Parameters: p_order_no
-- Result: no row if the order never had a session; otherwise one row
--   url          the URL of the session that can be paid, or in which a payment may be under way; NULL if
--                the provider has reported that the session is over. keep_checkout records the next one
--   attempt      the number of sessions that the order has had
--   session_ref  the provider's reference of the last session
--   ends_at      when the provider ends the last session by itself. After that time its URL may lead to
--                nothing, and only the provider knows whether somebody has paid
-- Tables: reads checkout
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.live_checkout(p_order_no bigint)
RETURNS TABLE (url text, attempt int, session_ref text, ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT CASE WHEN c.state <> 'ended' THEN c.url END, c.attempt, c.session_ref, c.ends_at
  FROM checkout c WHERE c.order_no = p_order_no
$routine$;

ALTER FUNCTION :schema.live_checkout OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.live_checkout IS 'The session in which an order can be paid now';
REVOKE ALL ON FUNCTION :schema.live_checkout FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.live_checkout TO flashsale_web;
