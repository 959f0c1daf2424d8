-- forget_webhook: forgets what is on its way to an endpoint that was removed. Its place is put behind
-- the end of every log and stays there: a worker that has not heard of the removal yet would make a
-- new one otherwise, and deliver everything since the endpoint was added once more.
--
-- Parameters: p_endpoint
-- Result: none
-- Tables: writes webhook_cursor, webhook_delivery
-- Locks, in order: its webhook_cursor row (waits for a take_webhooks that reads on); its deliveries
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
  'Forgets what is on its way to a removed endpoint, for good';
REVOKE ALL ON FUNCTION :schema.forget_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.forget_webhook TO flashsale_ops;
