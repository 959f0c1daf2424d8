-- add_webhook: registers a webhook endpoint. The endpoint receives the events that are published from
-- now on.
--
-- Parameters
--   p_endpoint  the id of the endpoint
--   p_url       where events are delivered
--   p_kinds     the kinds of events that it receives
--   p_secret    the signing secret, in the format of Standard Webhooks
-- Result: none
-- Tables: writes catalog.webhook_endpoint
-- Locks: SHARE ROW EXCLUSIVE on catalog.webhook_endpoint, so that two calls with the same URL run one
--   after the other
-- Errors: FS003 another endpoint has this URL; 23505 the id is taken; 23514 the table does not allow a
--   value

CREATE OR REPLACE FUNCTION catalog.add_webhook(
  p_endpoint text, p_url text, p_kinds text[], p_secret text
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_known text;
BEGIN
  LOCK TABLE webhook_endpoint IN SHARE ROW EXCLUSIVE MODE;
  SELECT w.endpoint INTO v_known FROM webhook_endpoint w WHERE w.url = p_url LIMIT 1;
  IF FOUND THEN
    -- With a second endpoint the merchant would receive each event twice, signed with two secrets.
    RAISE EXCEPTION 'endpoint % has this URL already', v_known USING ERRCODE = 'FS003';
  END IF;
  INSERT INTO webhook_endpoint (endpoint, url, kinds, secret)
  VALUES (p_endpoint, p_url, p_kinds, p_secret);
END
$routine$;

ALTER FUNCTION catalog.add_webhook OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.add_webhook IS
  'Registers an endpoint for order events';
REVOKE ALL ON FUNCTION catalog.add_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.add_webhook TO flashsale_ops;
