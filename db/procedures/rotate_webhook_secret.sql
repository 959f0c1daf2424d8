-- rotate_webhook_secret: gives an endpoint a new secret. For a time, deliveries are signed with both secrets.
--
-- Parameters: p_endpoint; p_secret, the new secret; p_overlap, how long the old secret signs too
-- Result: true if the endpoint exists
-- Tables: writes catalog.webhook_endpoint
-- Locks: the webhook_endpoint row
-- Errors: 23514 p_secret is not a valid secret

CREATE OR REPLACE FUNCTION catalog.rotate_webhook_secret(
  p_endpoint text, p_secret text, p_overlap interval
) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  WITH changed AS (
    UPDATE webhook_endpoint w
    SET secret = p_secret, old_secret = w.secret, old_secret_until = now() + p_overlap
    WHERE w.endpoint = p_endpoint RETURNING 1
  )
  SELECT EXISTS (SELECT FROM changed)
$routine$;

ALTER FUNCTION catalog.rotate_webhook_secret OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.rotate_webhook_secret IS
  'Gives an endpoint a new secret; for a time, both secrets sign its deliveries';
REVOKE ALL ON FUNCTION catalog.rotate_webhook_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.rotate_webhook_secret TO flashsale_ops;
