-- installation: returns the id by which payment providers know this database. It goes along with every
-- session and refund.
--
-- Parameters: none
-- Result: the id
-- Tables: reads catalog.installation
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.installation() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT i.id FROM catalog.installation i
$routine$;

ALTER FUNCTION catalog.installation OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.installation IS 'The id by which payment providers know this database';
REVOKE ALL ON FUNCTION catalog.installation FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.installation
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly;
