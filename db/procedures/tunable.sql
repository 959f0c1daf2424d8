-- tunable: returns the value of a tunable that is in force.
--
-- Parameters: p_name. catalog.tunable has all names and their meaning
-- Result: the value; the last part of the name is its unit
-- Tables: reads catalog.tunable
-- Locks: none
-- Errors: FS002 no such tunable

CREATE OR REPLACE FUNCTION catalog.tunable(p_name text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_value bigint;
BEGIN
  SELECT t.value INTO v_value FROM catalog.tunable t WHERE t.name = p_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no tunable %', p_name USING ERRCODE = 'FS002';
  END IF;
  RETURN v_value;
END
$routine$;

ALTER FUNCTION catalog.tunable OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.tunable IS 'The value in force of a tunable';
REVOKE ALL ON FUNCTION catalog.tunable FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.tunable TO flashsale_worker, flashsale_ops, flashsale_readonly;
