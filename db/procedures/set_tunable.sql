-- set_tunable: sets a tunable; in force at the next call of the routine that reads it.
--
-- Parameters: p_name; p_value, see catalog.tunable for the bounds and what it means
-- Result: the value before
-- Tables: writes catalog.tunable
-- Locks: its row
-- Errors: FS002 no such tunable; 23514 beyond its bounds: the value in force stays

CREATE OR REPLACE FUNCTION catalog.set_tunable(p_name text, p_value bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_before bigint;
BEGIN
  SELECT t.value INTO v_before FROM catalog.tunable t WHERE t.name = p_name FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no tunable %', p_name USING ERRCODE = 'FS002';
  END IF;
  UPDATE catalog.tunable t SET value = p_value WHERE t.name = p_name;
  RETURN v_before;
END
$routine$;

ALTER FUNCTION catalog.set_tunable OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_tunable IS
  'Sets a tunable, in force at the next call; returns the value before';
REVOKE ALL ON FUNCTION catalog.set_tunable FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_tunable
  TO flashsale_ops;
