-- live_checkout: the session in which an order is paid now.
--
-- Parameters: p_order_no
-- Result: no row if it never had one; else
--   url          of the session that can be paid, or in which a payment may be under way; NULL if the
--                provider has said that it is over: the next one is kept by keep_checkout
--   attempt      how many sessions the order has had
--   session_ref  the provider's reference of the last one
--   ends_at      when the provider ends it by itself: from then on its URL may lead to nothing, and
--                only the provider knows whether somebody has paid
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
COMMENT ON FUNCTION :schema.live_checkout IS 'The session in which an order is paid now';
REVOKE ALL ON FUNCTION :schema.live_checkout FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.live_checkout TO flashsale_web;
