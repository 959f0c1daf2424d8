-- installed_routines: returns what the installer has recorded about each routine and view. Operators compare it with
-- the files and with the present definitions, which every login may read.
--
-- Parameters: none
-- Result: one row for each routine and view; pinned: it was rolled back, and the installer must leave it alone
-- Tables: reads catalog.routine, catalog.routine_pin, catalog.routine_canary
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.installed_routines()
RETURNS TABLE (
  schema text, name text, file_sha256 text, definition_md5 text, pinned boolean, has_canary boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT r.schema, r.name, r.file_sha256, r.definition_md5,
         p.schema IS NOT NULL AND NOT p.released, c.schema IS NOT NULL
  FROM routine r
  LEFT JOIN routine_pin p USING (schema, name)
  LEFT JOIN routine_canary c USING (schema, name)
$routine$;

ALTER FUNCTION catalog.installed_routines OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.installed_routines IS
  'What the installer has recorded about each routine and view';
REVOKE ALL ON FUNCTION catalog.installed_routines FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.installed_routines
  TO flashsale_ops, flashsale_readonly;
