-- legacy_before: returns a time. Orders placed before it may be paid in sessions that do not carry the id
-- of an installation.
--
-- Parameters: none
-- Result: the time; -infinity if the database had no orders when sessions began to carry that id
-- Tables: reads catalog.installation
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.legacy_before() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT i.legacy_before FROM catalog.installation i
$routine$;

ALTER FUNCTION catalog.legacy_before OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.legacy_before IS
  'Orders placed before this time may be paid in sessions without the id of an installation';
REVOKE ALL ON FUNCTION catalog.legacy_before FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.legacy_before TO flashsale_web, flashsale_ops;
