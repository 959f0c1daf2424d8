-- set_waitlists: opens and closes the waitlists of SKUs. Units that come back go to open waitlists only. The
-- keeper calls it, as the operators' state and quota in ZooKeeper demand. Shoppers keep their places in a
-- closed waitlist.
--
-- Parameters: p_open and p_closed, SKUs; those that this server does not know are ignored
-- Result: the number of SKUs that were changed
-- Tables: writes catalog.sku
-- Locks: the catalog.sku rows that are changed, ascending
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
  'Opens and closes waitlists: units that come back go to open ones only';
REVOKE ALL ON FUNCTION catalog.set_waitlists FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_waitlists TO flashsale_ops;
