-- accepted_history: names the history that was accepted last. Asked on a standby, it tells of which history the standby
-- has replayed a beat: the keeper writes the new one within seconds after a promotion, and a standby learns it as it
-- learns any row. Lists of orders are read there only if it is that of the primary.
--
-- Parameters: none
-- Result: such as 7301234567890123456/00000002; NULL if the database was set back
-- Tables: reads catalog.pulse
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.accepted_history() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT p.history FROM pulse p
$routine$;

ALTER FUNCTION catalog.accepted_history OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.accepted_history IS
  'The history that was accepted last; on a standby, of which history it has replayed a beat';
REVOKE ALL ON FUNCTION catalog.accepted_history FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.accepted_history TO flashsale_web, flashsale_ops;
