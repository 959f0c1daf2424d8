-- webhook_lag: returns how far each endpoint is behind the log of this schema.
--
-- Parameters: none
-- Result: one row for each endpoint that has read anything and was not removed
--   pending   deliveries that wait for an attempt, or for an earlier event of their order
--   failing   those of them whose last attempt failed
--   given_up  deliveries that are not tried any more
--   unread    rows of the log that are not read yet, counted up to 10,000
--   since     when the oldest event that is not delivered happened
-- Tables: reads webhook_cursor, webhook_delivery, event
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.webhook_lag()
RETURNS TABLE (
  endpoint text, pending bigint, failing bigint, given_up bigint, unread bigint, since timestamptz
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET enable_seqscan = off
AS $routine$
BEGIN
  RETURN QUERY
  SELECT c.endpoint, coalesce(d.pending, 0), coalesce(d.failing, 0), coalesce(d.given_up, 0), v.unread,
         least(d.since, v.since)
  FROM webhook_cursor c
  LEFT JOIN (
    SELECT w.endpoint, count(*) FILTER (WHERE w.given_up_at IS NULL) AS pending,
           count(w.last_error) FILTER (WHERE w.given_up_at IS NULL) AS failing,
           count(w.given_up_at) AS given_up,
           min(w.happened_at) FILTER (WHERE w.given_up_at IS NULL) AS since
    FROM webhook_delivery w GROUP BY w.endpoint) d ON d.endpoint = c.endpoint
  CROSS JOIN LATERAL (
    SELECT count(*) AS unread, min(e.happened_at) AS since
    FROM (SELECT n.happened_at FROM event n WHERE n.log_no > c.log_no
          ORDER BY n.log_no LIMIT 10000) e) v
  -- forget_webhook sets the cursor of a removed endpoint to this number.
  WHERE c.log_no < 9223372036854775807;
END
$routine$;

ALTER FUNCTION :schema.webhook_lag OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.webhook_lag IS
  'How far each endpoint is behind the log of this schema';
REVOKE ALL ON FUNCTION :schema.webhook_lag FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.webhook_lag TO flashsale_worker, flashsale_ops, flashsale_readonly;
