-- sections: lists the sections of SKUs with numbered goods.
--
-- Parameters: none
-- Result: one row for each section: its seats as the merchant gave them, how many they are, and the rule for singles
-- Tables: reads catalog.section
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.sections()
RETURNS TABLE (sku text, seats jsonb, units int, singles text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT s.sku, s.seats, s.units, s.singles FROM catalog.section s
$routine$;

ALTER FUNCTION catalog.sections OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sections IS 'The sections of SKUs with numbered goods';
REVOKE ALL ON FUNCTION catalog.sections FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.sections
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly, flashsale_console;
