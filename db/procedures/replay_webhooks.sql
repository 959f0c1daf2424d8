-- replay_webhooks: delivers events of the log to an endpoint again. Deliveries that wait for another attempt
-- after a failure are tried at once, in every case.
--
-- Parameters
--   p_endpoint  the id of the endpoint
--   p_from      replay from the first event that happened at this time or later; or NULL
--   p_event_no  replay from this event on; or NULL. If both are NULL, nothing is replayed
-- Result: false if there is no such event; true otherwise, also if both are NULL
-- Tables: reads event; writes webhook_cursor, webhook_delivery
-- Locks, in order: the webhook_delivery rows that are tried again; the webhook_cursor row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.replay_webhooks(p_endpoint text, p_from timestamptz, p_event_no bigint)
RETURNS boolean
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
