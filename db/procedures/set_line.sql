-- set_line: whether units of a SKU that come back go to its line. The keeper says so, by the
-- operators' state and quota in ZooKeeper; those who wait keep their place meanwhile.
--
-- Parameters: p_sku; p_open
-- Result: true if that was a change
-- Tables: writes catalog.sku
-- Locks: its row
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.set_line(p_sku text, p_open boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  UPDATE catalog.sku k SET line_open = p_open WHERE k.sku = p_sku AND k.line_open <> p_open;
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION catalog.set_line OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_line IS
  'Whether units of a SKU that come back go to its line';
REVOKE ALL ON FUNCTION catalog.set_line FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_line TO flashsale_ops;
