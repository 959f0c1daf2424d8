-- notice_lag: returns how many notices wait to be sent. No row names a contact.
--
-- Parameters: none
-- Result: one row for each channel
--   channel  email or push
--   due      notices whose time has come, counted up to 10,000
--   failing  those among them whose last attempt failed
--   since    when the oldest of them was to be sent; NULL if none waits
-- Tables: reads notice
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.notice_lag()
RETURNS TABLE (channel text, due bigint, failing bigint, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT c.channel, count(d.due_at), count(*) FILTER (WHERE d.last_error IS NOT NULL), min(d.due_at)
  FROM (VALUES ('email'), ('push')) AS c (channel)
  LEFT JOIN LATERAL (
    SELECT n.due_at, n.last_error FROM notice n
    WHERE n.channel = c.channel AND n.state = 'due' AND n.due_at <= now()
    ORDER BY n.due_at LIMIT 10000
  ) d ON true
  GROUP BY c.channel
$routine$;

ALTER FUNCTION catalog.notice_lag OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.notice_lag IS 'How many notices wait to be sent, for each channel';
REVOKE ALL ON FUNCTION catalog.notice_lag FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.notice_lag TO flashsale_worker, flashsale_ops, flashsale_readonly;
