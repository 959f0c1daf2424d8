-- note_webhook: records how deliveries to an endpoint went. It disables an endpoint that is gone or has
-- failed for too long.
--
-- Parameters
--   p_endpoint      the id of the endpoint
--   p_delivered     the number of attempts that succeeded
--   p_failed        the number of attempts that failed
--   p_error         the error of the last failure; NULL if none failed
--   p_gone          the endpoint answered 410: it wants nothing any more
--   p_failures_max, p_failing_max  the endpoint is disabled after p_failures_max failures in a row if the
--                   first of them was p_failing_max ago or earlier. A success resets the count
-- Result: the state of the endpoint afterwards; NULL if there is no such endpoint
-- Tables: writes catalog.webhook_endpoint
-- Locks: the row of the endpoint, unless there is nothing to write
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.note_webhook(
  p_endpoint     text,
  p_delivered    int,
  p_failed       int,
  p_error        text,
  p_gone         boolean,
  p_failures_max int,
  p_failing_max  interval
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- In the usual case nothing failed, now or before, and no row is written.
  IF p_failed = 0 THEN
    UPDATE webhook_endpoint w SET failures = 0, failing_since = NULL
    WHERE w.endpoint = p_endpoint AND w.failures > 0;
  ELSE
    UPDATE webhook_endpoint w
    SET failures = CASE WHEN p_delivered > 0 THEN 0 ELSE w.failures + p_failed END,
        failing_since = CASE WHEN p_delivered = 0 THEN coalesce(w.failing_since, now()) END,
        last_error = p_error
    WHERE w.endpoint = p_endpoint;
    UPDATE webhook_endpoint w
    SET state = 'disabled', disabled_reason = CASE WHEN p_gone THEN 'gone' ELSE 'failing' END
    WHERE w.endpoint = p_endpoint AND w.state = 'active'
      AND (p_gone OR w.failures >= p_failures_max AND w.failing_since <= now() - p_failing_max);
  END IF;
  RETURN (SELECT w.state FROM webhook_endpoint w WHERE w.endpoint = p_endpoint);
END
$routine$;

ALTER FUNCTION catalog.note_webhook OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.note_webhook IS
  'Records how deliveries went; disables an endpoint that is gone or failing';
REVOKE ALL ON FUNCTION catalog.note_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.note_webhook TO flashsale_worker;
