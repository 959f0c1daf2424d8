-- replay_webhooks: delivers events of the log to an endpoint again, those that wait for an attempt at once.
--
-- Parameters
--   p_endpoint
--   p_from      from the first event on that happened then or later; or NULL
--   p_event_no  from this event on; or NULL. With neither: what waits is tried now
-- Result: true if there is such an event, or nothing was looked for
-- Tables: reads event; writes webhook_cursor, webhook_delivery
-- Locks: the webhook_cursor row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.replay_webhooks(p_endpoint text, p_from timestamptz, p_event_no bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_first bigint;
BEGIN
  UPDATE webhook_delivery d SET next_at = now()
  WHERE d.endpoint = p_endpoint AND d.given_up_at IS NULL AND d.last_error IS NOT NULL;
  IF p_from IS NULL AND p_event_no IS NULL THEN RETURN true; END IF;
  SELECT min(v.log_no) INTO v_first FROM event v
  WHERE v.happened_at >= p_from OR v.event_no = p_event_no;
  IF v_first IS NULL THEN RETURN false; END IF;
  INSERT INTO webhook_cursor AS c (endpoint, log_no) VALUES (p_endpoint, v_first - 1)
  ON CONFLICT (endpoint) DO UPDATE SET log_no = least(c.log_no, v_first - 1);
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.replay_webhooks OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.replay_webhooks IS
  'Delivers events of the log to an endpoint again';
REVOKE ALL ON FUNCTION :schema.replay_webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.replay_webhooks TO flashsale_ops;
