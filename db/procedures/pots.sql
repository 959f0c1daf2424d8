-- pots: what everybody may know of the pots of SKUs whose goods are amounts.
--
-- Parameters: none
-- Result: one row for each pot. sha256 is the commitment to its division (open_pot); NULL where the SKU lives on
--   another server
-- Tables: reads catalog.pot
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.pots()
RETURNS TABLE (sku text, amount numeric, packets int, division text, sha256 text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- In plpgsql, because a routine of plain SQL is planned anew at every call.
  RETURN QUERY
  SELECT t.sku, t.amount, t.packets, t.division, t.sha256 FROM catalog.pot t;
END
$routine$;

ALTER FUNCTION catalog.pots OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.pots IS 'The facts of pots that everybody may know';
REVOKE ALL ON FUNCTION catalog.pots FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.pots
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly, flashsale_console;
