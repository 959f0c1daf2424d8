-- report_notices: records the results of notices that take_notices returned.
--
-- Parameters: arrays with as many entries each
--   p_notice_nos  the notices
--   p_states      sent, dropped (not true any more), given_up, or due to try again
--   p_errors      why it was not sent, without any address; NULL if it was
--   p_delays      for due: the time to the next attempt
-- Result: the number of notices that were found. A contact that was removed in the meantime has none
-- Tables: writes notice
-- Locks: the notice rows
-- Errors: 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.report_notices(
  p_notice_nos bigint[], p_states text[], p_errors text[], p_delays interval[]
) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  WITH reported AS (
    UPDATE notice n
    SET state = r.state, last_error = left(r.error, 200),
        sent_at = CASE WHEN r.state = 'sent' THEN now() END,
        next_at = now() + coalesce(r.delay, interval '0')
    FROM unnest(p_notice_nos, p_states, p_errors, p_delays) AS r (notice_no, state, error, delay)
    WHERE n.notice_no = r.notice_no AND n.state = 'due'
    RETURNING 1
  )
  SELECT count(*) FROM reported
$routine$;

ALTER FUNCTION catalog.report_notices OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.report_notices IS
  'Records the results of notices that take_notices returned';
REVOKE ALL ON FUNCTION catalog.report_notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.report_notices TO flashsale_worker;
