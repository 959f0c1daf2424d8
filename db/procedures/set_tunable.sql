-- set_tunable: sets a tunable. The next call of a routine that reads it uses the new value.
--
-- Parameters: p_name; p_value. catalog.tunable has the bounds and the meaning of each
-- Result: the value before
-- Tables: writes catalog.tunable
-- Locks: the catalog.tunable row
-- Errors: FS002 no such tunable; 23514 the value is out of bounds, and the old value stays

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
  'Sets a tunable, from the next call on; returns the value before';
REVOKE ALL ON FUNCTION catalog.set_tunable FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_tunable
  TO flashsale_ops;
