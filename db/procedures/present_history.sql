-- present_history: names the history that the server writes now: its system identifier and its timeline. A server
-- has a new timeline after each promotion of a standby and after each restore.
--
-- Parameters: none
-- Result: such as 7301234567890123456/00000002; NULL on a standby, and while a restore goes on
-- Tables: none
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.present_history() RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT CASE WHEN NOT pg_is_in_recovery()
              THEN s.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) END
  FROM pg_control_system() s
$routine$;

ALTER FUNCTION catalog.present_history OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.present_history IS 'The history that the server writes now';
REVOKE ALL ON FUNCTION catalog.present_history FROM PUBLIC;
