-- note_canary_call: notes one call of a routine that has a canary, for judge_canaries. The dispatcher of a canary
-- calls it, because a STABLE routine may not write itself.
--
-- Parameters
--   p_schema, p_name  the routine
--   p_run             the number of the start of the canary
--   p_is_canary       whether the canary decided the call
--   p_took_us         microseconds that it took; NULL: it is not compared
-- Result: none
-- Tables: writes catalog.canary_call
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.note_canary_call(
  p_schema text, p_name text, p_run bigint, p_is_canary boolean, p_took_us int
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  INSERT INTO canary_call (schema, name, run, is_canary, took_us)
  VALUES (p_schema, p_name, p_run, p_is_canary, p_took_us);
END
$routine$;

ALTER FUNCTION catalog.note_canary_call OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.note_canary_call IS 'Notes a call of a routine that has a canary';
REVOKE ALL ON FUNCTION catalog.note_canary_call FROM PUBLIC;
