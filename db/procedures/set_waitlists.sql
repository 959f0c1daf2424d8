-- set_waitlists: to which SKUs' lines units go that come back. The keeper says so, by the operators'
-- state and quota in ZooKeeper; those who wait keep their place meanwhile.
--
-- Parameters: p_open and p_closed, SKUs; those that are not here are none of this server's
-- Result: how many were changed
-- Tables: writes catalog.sku
-- Locks: the rows that are changed, ascending
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.set_waitlists(p_open text[], p_closed text[]) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_changed int;
BEGIN
  WITH other AS MATERIALIZED (
    SELECT k.sku FROM catalog.sku k
    WHERE k.sku = ANY (p_open) AND NOT k.line_open OR k.sku = ANY (p_closed) AND k.line_open
    ORDER BY k.sku
    FOR UPDATE
  )
  UPDATE catalog.sku k SET line_open = NOT k.line_open FROM other o WHERE k.sku = o.sku;
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  RETURN v_changed;
END
$routine$;

ALTER FUNCTION catalog.set_waitlists OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_waitlists IS
  'To which SKUs'' lines units go that come back';
REVOKE ALL ON FUNCTION catalog.set_waitlists FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_waitlists TO flashsale_ops;
