-- refresh_sku_terms: copies what place_orders needs of the catalogue into catalog.sku_terms. Trigger of
-- catalog.sku, sale, tunable and canary: whoever changes one of them, by hand too, changes both in
-- one transaction. Each SKU is computed anew, every time: edits are rare, and nothing is missed.
--
-- Parameters: none
-- Result: none (a statement trigger)
-- Tables: see due_sku_terms; writes catalog.sku_terms
-- Locks: SHARE ROW EXCLUSIVE on catalog.sku_terms until the transaction ends: one edit at a time, or
--   two would each copy what the other one replaces. Orders read on meanwhile
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.refresh_sku_terms() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- A statement of its own: those below see what was committed while this one waited.
  LOCK TABLE catalog.sku_terms IN SHARE ROW EXCLUSIVE MODE;
  -- Only what differs is written: the one or two rows that an edit is about.
  DELETE FROM catalog.sku_terms t
  WHERE NOT EXISTS (SELECT FROM catalog.due_sku_terms() d WHERE d IS NOT DISTINCT FROM t);
  INSERT INTO catalog.sku_terms
  SELECT d.* FROM catalog.due_sku_terms() d
  WHERE NOT EXISTS (SELECT FROM catalog.sku_terms t WHERE t.sku = d.sku);
  RETURN NULL;
END
$routine$;

ALTER FUNCTION catalog.refresh_sku_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.refresh_sku_terms IS
  'Trigger: copies what place_orders needs of the catalogue into sku_terms';
REVOKE ALL ON FUNCTION catalog.refresh_sku_terms FROM PUBLIC;

-- A sale has no SKUs when it is inserted, and none any more when it is deleted.
CREATE OR REPLACE TRIGGER refresh_sku_terms
  AFTER INSERT OR DELETE OR TRUNCATE
     OR UPDATE OF sku, sale, schema, abroad, moves, price, currency, user_limit, state
  ON catalog.sku
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();
CREATE OR REPLACE TRIGGER refresh_sku_terms
  AFTER UPDATE ON catalog.sale
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();
CREATE OR REPLACE TRIGGER refresh_sku_terms
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog.tunable
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();
CREATE OR REPLACE TRIGGER refresh_sku_terms
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog.canary
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();
-- Fires the trigger, for SKUs that were there before it was.
UPDATE catalog.sku SET sku = sku WHERE false;
