-- legacy_before: until when orders were placed that may be paid in sessions without an identity.
--
-- Parameters: none
-- Result: the time; -infinity where the database was made after sessions had identities
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
  'Orders placed before then may be paid in sessions without an identity';
REVOKE ALL ON FUNCTION catalog.legacy_before FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.legacy_before TO flashsale_web, flashsale_ops;
