-- webhook_endpoints: returns the endpoints, without their secrets.
--
-- Parameters: none
-- Result: one row for each endpoint
-- Tables: reads catalog.webhook_endpoint
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.webhook_endpoints()
RETURNS TABLE (
  endpoint text, url text, kinds text[], state text, disabled_reason text, failures int,
  failing_since timestamptz, last_error text, created_at timestamptz, old_secret_until timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT w.endpoint, w.url, w.kinds, w.state, w.disabled_reason, w.failures, w.failing_since,
         w.last_error, w.created_at, w.old_secret_until
  FROM webhook_endpoint w ORDER BY w.created_at, w.endpoint
$routine$;

ALTER FUNCTION catalog.webhook_endpoints OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.webhook_endpoints IS
  'The endpoints for order events, without their secrets';
REVOKE ALL ON FUNCTION catalog.webhook_endpoints FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.webhook_endpoints TO flashsale_ops, flashsale_readonly;
