-- take_audit: takes the next audit of this schema if it is due, so that only one worker runs it. It also
-- returns the result of the last audit.
--
-- Parameters: p_lease_ms, the time in milliseconds after which another worker may take the audit if
--   end_audit was not called
-- Result: one row: mine, whether the caller has to run the audit; broken, took_ms and ended_at of the last
--   audit, NULL before the first
-- Tables: writes audit_run
-- Locks: the audit_run row, only when an audit is due
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.take_audit(p_lease_ms bigint)
RETURNS TABLE (mine boolean, broken int, took_ms int, ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_run audit_run%ROWTYPE;
  v_mine boolean := false;
BEGIN
  SELECT * INTO v_run FROM audit_run;
  IF v_run.next_at <= now() THEN
    UPDATE audit_run r SET next_at = now() + p_lease_ms * interval '1 ms' WHERE r.next_at <= now();
    v_mine := FOUND;
  END IF;
  RETURN QUERY SELECT v_mine, v_run.broken, v_run.took_ms, v_run.ended_at;
END
$routine$;

ALTER FUNCTION :schema.take_audit OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.take_audit IS
  'Takes the next audit if it is due, for one worker, and returns the result of the last one';
REVOKE ALL ON FUNCTION :schema.take_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.take_audit TO flashsale_worker;
