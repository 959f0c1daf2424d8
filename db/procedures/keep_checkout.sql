-- keep_checkout: records the session that the provider has made for an order, unless the order has a
-- session that is not over. Two calls at the same time both return the first session. Only the provider's
-- report that a session is over (end_checkout) makes room for the next one: somebody may have paid at the
-- last moment in a session whose time is over. Nobody is told the URL of a session before this has
-- committed, so a session that is not recorded cannot be paid.
--
-- Parameters
--   p_order_no     the order
--   p_session_ref  the provider's reference of the session, with the provider's name in front
--   p_url          the URL where the shopper pays
--   p_ends_at      when the provider ends the session by itself
-- Result: the URL of the session in force; NULL if the order does not exist, or its status is not ordered
-- Tables: reads orders; writes checkout
-- Locks, in order: the orders row; the checkout row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.keep_checkout(
  p_order_no bigint, p_session_ref text, p_url text, p_ends_at timestamptz
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sale   text;
  v_status text;
BEGIN
  SELECT o.sale, o.status INTO v_sale, v_status
  FROM orders o WHERE o.order_no = p_order_no FOR UPDATE;
  IF v_status IS DISTINCT FROM 'ordered' THEN RETURN NULL; END IF;
  INSERT INTO checkout AS c (order_no, sale, session_ref, url, ends_at)
  VALUES (p_order_no, v_sale, p_session_ref, p_url, p_ends_at)
  ON CONFLICT (order_no, sale) DO UPDATE
  SET session_ref = excluded.session_ref, url = excluded.url, ends_at = excluded.ends_at,
      attempt = c.attempt + 1, state = 'open', tries = 0, last_error = NULL, changed_at = now()
  WHERE c.state = 'ended';
  RETURN (SELECT c.url FROM checkout c WHERE c.order_no = p_order_no AND c.sale = v_sale);
END
$routine$;

ALTER FUNCTION :schema.keep_checkout OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.keep_checkout IS
  'Records the provider''s session for an order: one at a time';
REVOKE ALL ON FUNCTION :schema.keep_checkout FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.keep_checkout TO flashsale_web;
