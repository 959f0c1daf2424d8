-- set_webhook_state: disables an endpoint, or enables it again. An enabled endpoint gets what it has missed.
--
-- Parameters: p_endpoint; p_reason, why it is disabled, or NULL to enable it
-- Result: true if the endpoint exists
-- Tables: writes catalog.webhook_endpoint
-- Locks: the webhook_endpoint row
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.set_webhook_state(p_endpoint text, p_reason text) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  WITH changed AS (
    UPDATE webhook_endpoint w
    SET state = CASE WHEN p_reason IS NULL THEN 'active' ELSE 'disabled' END,
        disabled_reason = p_reason, failures = 0, failing_since = NULL
    WHERE w.endpoint = p_endpoint RETURNING 1
  )
  SELECT EXISTS (SELECT FROM changed)
$routine$;

ALTER FUNCTION catalog.set_webhook_state OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_webhook_state IS
  'Disables an endpoint, or enables it again';
REVOKE ALL ON FUNCTION catalog.set_webhook_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_webhook_state TO flashsale_ops;
