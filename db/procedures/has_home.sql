-- has_home: returns whether the installation has a home. Call it on the server of regular, which knows all homes. An
-- account of a payment provider may have other shops, and the number of an order of theirs may be of a home that this
-- installation does not have. A user id may look like such a number.
--
-- Parameters: p_name, such as hot-2
-- Result: true if it has one of this name
-- Tables: reads catalog.home
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.has_home(p_name text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT EXISTS (SELECT FROM home h WHERE h.name = p_name)
$routine$;

ALTER FUNCTION catalog.has_home OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.has_home IS 'Whether the installation has a home of this name';
REVOKE ALL ON FUNCTION catalog.has_home FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.has_home TO flashsale_web, flashsale_ops, flashsale_console;
