-- notice_position: returns from where on the log of a schema has to be read for notices.
--
-- Parameters: p_schema
-- Result: one row
--   log_no  events up to this number are derived
--   sales   the sales that have contacts
-- Tables: reads catalog.sale, notice_contact, notice_position
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.notice_position(p_schema text)
RETURNS TABLE (log_no bigint, sales text[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  -- One look at an index for each sale, however many contacts it has.
  SELECT p.log_no,
         ARRAY(SELECT s.sale FROM sale s
               WHERE EXISTS (SELECT FROM notice_contact c WHERE c.sale = s.sale))
  FROM notice_position p
  WHERE p.schema = p_schema
$routine$;

ALTER FUNCTION catalog.notice_position OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.notice_position IS
  'From where on the log of a schema has to be read for notices';
REVOKE ALL ON FUNCTION catalog.notice_position FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.notice_position TO flashsale_worker;
