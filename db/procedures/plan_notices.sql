-- plan_notices: records the notices that events mean, and moves the position of their log, in one transaction.
-- So each event is derived once, even if the log is on another server.
--
-- Parameters
--   p_schema   whose log
--   p_from     the position that the caller began at
--   p_to       the position that notice_events returned
--   p_notices  the notices, as insert_notices takes them
-- Result: the number of new notices; NULL if another worker has moved the position since: nothing was done
-- Tables: writes notice_position, notice; reads notice_contact
-- Locks, in order: the notice_position row; those of insert_notices
-- Errors: those of insert_notices

CREATE OR REPLACE FUNCTION catalog.plan_notices(
  p_schema text, p_from bigint, p_to bigint, p_notices jsonb
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  UPDATE notice_position p SET log_no = p_to WHERE p.schema = p_schema AND p.log_no = p_from;
  IF NOT FOUND THEN RETURN NULL; END IF;
  RETURN insert_notices(p_notices, NULL);
END
$routine$;

ALTER FUNCTION catalog.plan_notices OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.plan_notices IS
  'Records the notices that events mean, and moves the position of their log';
REVOKE ALL ON FUNCTION catalog.plan_notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.plan_notices TO flashsale_worker;
