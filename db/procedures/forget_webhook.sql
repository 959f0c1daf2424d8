-- forget_webhook: forgets how far an endpoint has read, and what is on its way to it.
--
-- Parameters: p_endpoint
-- Result: none
-- Tables: writes webhook_cursor, webhook_delivery
-- Locks: its rows
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.forget_webhook(p_endpoint text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  DELETE FROM webhook_delivery d WHERE d.endpoint = p_endpoint;
  DELETE FROM webhook_cursor c WHERE c.endpoint = p_endpoint
$routine$;

ALTER FUNCTION :schema.forget_webhook OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.forget_webhook IS
  'Forgets how far an endpoint has read';
REVOKE ALL ON FUNCTION :schema.forget_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.forget_webhook TO flashsale_ops;
