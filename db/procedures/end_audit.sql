-- end_audit: records the result of an audit that the caller took with take_audit.
--
-- Parameters: p_broken, the number of rows that the audit returned; p_took_ms, its duration; p_next_in_ms,
--   the time until the next audit is due
-- Result: none
-- Tables: writes audit_run
-- Locks: the audit_run row
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.end_audit(p_broken int, p_took_ms int, p_next_in_ms int)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  UPDATE audit_run SET broken = p_broken, took_ms = p_took_ms, ended_at = now(),
                       next_at = now() + p_next_in_ms * interval '1 ms'
$routine$;

ALTER FUNCTION :schema.end_audit OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_audit IS 'Records the result of an audit, and when the next one is due';
REVOKE ALL ON FUNCTION :schema.end_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_audit TO flashsale_worker;
