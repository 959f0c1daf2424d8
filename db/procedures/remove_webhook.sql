-- remove_webhook: forgets an endpoint. What was on its way is not delivered any more; see forget_webhook.
--
-- Parameters: p_endpoint
-- Result: true if there was one
-- Tables: writes catalog.webhook_endpoint
-- Locks: its row
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.remove_webhook(p_endpoint text) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  WITH gone AS (
    DELETE FROM webhook_endpoint w WHERE w.endpoint = p_endpoint RETURNING 1
  )
  SELECT EXISTS (SELECT FROM gone)
$routine$;

ALTER FUNCTION catalog.remove_webhook OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.remove_webhook IS
  'Forgets an endpoint';
REVOKE ALL ON FUNCTION catalog.remove_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.remove_webhook TO flashsale_ops;
