-- end_audit: notes what an audit found that the caller had taken with take_audit.
--
-- Parameters: p_broken, rows; p_took_ms; p_next_in_ms, the next one is due after that
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
COMMENT ON FUNCTION :schema.end_audit IS 'Notes what an audit found, and when the next one is due';
REVOKE ALL ON FUNCTION :schema.end_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.end_audit TO flashsale_worker;
