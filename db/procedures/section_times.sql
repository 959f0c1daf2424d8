-- section_times: tells when each section was made. A sale that was removed and put on again may have other seats: web
-- nodes tell the two by this time, and forget what they know of the first.
--
-- Parameters: none
-- Result: one row for each section
-- Tables: reads catalog.section
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.section_times()
RETURNS TABLE (sku text, made_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT s.sku, s.made_at FROM catalog.section s
$routine$;

ALTER FUNCTION catalog.section_times OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.section_times IS 'When the section of each SKU with numbered goods was made';
REVOKE ALL ON FUNCTION catalog.section_times FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.section_times
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly, flashsale_console;
