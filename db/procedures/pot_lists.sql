-- pot_lists: the amounts of pots that are divided by a list, to compare them with a sale file. They are as the
-- merchant gave them, not in the order in which they are drawn.
--
-- Parameters: none
-- Result: one row for each such pot
-- Tables: reads catalog.pot
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.pot_lists() RETURNS TABLE (sku text, list numeric[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT t.sku, t.list FROM catalog.pot t WHERE t.list IS NOT NULL
$routine$;

ALTER FUNCTION catalog.pot_lists OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.pot_lists IS 'The amounts of pots that are divided by a list';
REVOKE ALL ON FUNCTION catalog.pot_lists FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.pot_lists TO flashsale_ops, flashsale_readonly, flashsale_console;
