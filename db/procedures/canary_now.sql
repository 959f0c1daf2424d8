-- canary_now: returns the canary of a routine as it is at this moment. The dispatcher of a canary calls it. A
-- dispatcher of a STABLE routine sees the moment of its caller's statement; this routine is VOLATILE and sees the
-- present one, so that a call that waited for the end of the canary notices the end.
--
-- Parameters: p_schema, p_name
-- Result: the row of the canary; none if the routine has no canary
-- Tables: reads catalog.routine_canary
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.canary_now(p_schema text, p_name text)
RETURNS SETOF catalog.routine_canary
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  RETURN QUERY SELECT c.* FROM routine_canary c WHERE c.schema = p_schema AND c.name = p_name;
END
$routine$;

ALTER FUNCTION catalog.canary_now OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.canary_now IS 'The canary of a routine at this moment';
REVOKE ALL ON FUNCTION catalog.canary_now FROM PUBLIC;
