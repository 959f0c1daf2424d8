-- note_webhook: writes down how deliveries to an endpoint went, and disables one that is gone or has failed for too long.
--
-- Parameters
--   p_endpoint; p_delivered, p_failed: attempts; p_error: what the last failure met
--   p_gone         it answered 410: it wants nothing any more
--   p_failures_max, p_failing_max  it is disabled after so many failures in a row, if the first of
--                  them was so long ago
-- Result: its state then; NULL if there is none
-- Tables: writes catalog.webhook_endpoint
-- Locks: its row, unless there is nothing to write
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
  -- The usual case costs a look.
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
  'Writes down how deliveries went; disables an endpoint that is gone or failing';
REVOKE ALL ON FUNCTION catalog.note_webhook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.note_webhook TO flashsale_worker;
