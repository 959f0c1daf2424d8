-- forget_webhook: drops the deliveries to an endpoint that was removed. The endpoint's position is set
-- behind the end of every log and stays there. Otherwise a worker that does not know of the removal yet
-- would make a new position, and deliver every event since the endpoint was added once more.
--
-- Parameters: p_endpoint, the id of the endpoint
-- Result: none
-- Tables: writes webhook_cursor, webhook_delivery
-- Locks, in order: the webhook_cursor row of the endpoint: it waits for a take_webhooks that reads the log;
--   the webhook_delivery rows of the endpoint
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.forget_webhook(p_endpoint text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  INSERT INTO webhook_cursor (endpoint, log_no) VALUES (p_endpoint, 9223372036854775807)
  ON CONFLICT (endpoint) DO UPDATE SET log_no = excluded.log_no;
  DELETE FROM webhook_delivery d WHERE d.endpoint = p_endpoint
$routine$;

ALTER FUNCTION :schema.forget_webhook OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.forget_webhook IS
  'Drops the deliveries to a removed endpoint, for good';
REVOKE ALL ON FUNCTION :schema.forget_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.forget_webhook TO flashsale_ops;
