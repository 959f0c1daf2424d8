-- remove_webhook: removes an endpoint. Events on the way to it are not delivered any more; forget_webhook
-- removes them.
--
-- Parameters: p_endpoint, the id of the endpoint
-- Result: true if the endpoint existed
-- Tables: writes catalog.webhook_endpoint
-- Locks: the webhook_endpoint row
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
  'Removes an endpoint';
REVOKE ALL ON FUNCTION catalog.remove_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.remove_webhook TO flashsale_ops;
