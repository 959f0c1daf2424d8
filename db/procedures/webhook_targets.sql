-- webhook_targets: returns the active endpoints with the secrets that sign their deliveries.
--
-- Parameters: none
-- Result: one row for each endpoint; secrets has the newest first, then the old ones while they are valid
-- Tables: reads catalog.webhook_endpoint, catalog.webhook_older_secret
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.webhook_targets()
RETURNS TABLE (endpoint text, url text, kinds text[], secrets text[], created_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  RETURN QUERY
  SELECT w.endpoint, w.url, w.kinds,
         CASE WHEN w.old_secret_until > now() THEN ARRAY[w.secret, w.old_secret]
              ELSE ARRAY[w.secret] END
         || ARRAY(SELECT o.secret FROM webhook_older_secret o
                  WHERE o.endpoint = w.endpoint AND o.signs_until > now()
                  ORDER BY o.signs_until DESC),
         w.created_at
  FROM webhook_endpoint w WHERE w.state = 'active' ORDER BY w.endpoint;
END
$routine$;

ALTER FUNCTION catalog.webhook_targets OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.webhook_targets IS
  'The active endpoints with the secrets that sign their deliveries';
REVOKE ALL ON FUNCTION catalog.webhook_targets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.webhook_targets TO flashsale_worker;
