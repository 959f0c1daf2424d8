-- is_accepted: tells whether this database may sell. Each session of web nodes, workers, keepers and consoles asks
-- it first, and none is used while it says no. So a database that was set back counts as a server that is away.
--
-- Parameters: none
-- Result: true if the present history of the server was accepted
-- Tables: reads catalog.pulse
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.is_accepted() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT coalesce(p.history = present_history(), false) FROM pulse p
$routine$;

ALTER FUNCTION catalog.is_accepted OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.is_accepted IS
  'Whether this database may sell: false after it was set back, until flashsale after-restore';
REVOKE ALL ON FUNCTION catalog.is_accepted FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.is_accepted
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_console;
