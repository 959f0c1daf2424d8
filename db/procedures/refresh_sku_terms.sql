-- refresh_sku_terms: copies the part of the catalogue that place_orders needs into catalog.sku_terms. Trigger
-- of catalog.sku, sale, tunable and canary. So every change of these tables, also one by hand, changes the
-- copy in the same transaction. It computes the terms of all SKUs each time: edits are rare, and no change
-- can be missed.
--
-- Parameters: none
-- Result: none (a statement trigger)
-- Tables: reads the tables of due_sku_terms; writes catalog.sku_terms
-- Locks: SHARE ROW EXCLUSIVE on catalog.sku_terms until the transaction ends. Two edits at a time would each
--   copy values that the other one replaces. place_orders can read the table meanwhile
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.refresh_sku_terms() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- A separate statement, so that the statements below see what was committed while it waited.
  LOCK TABLE catalog.sku_terms IN SHARE ROW EXCLUSIVE MODE;
  -- Write only the rows that differ. An edit changes one or two of them. Each row is compared only with that of its
  -- SKU: with every other one, a thousand SKUs would take a million comparisons.
  DELETE FROM catalog.sku_terms t
  WHERE NOT EXISTS (
    SELECT FROM catalog.due_sku_terms() d WHERE d.sku = t.sku AND d IS NOT DISTINCT FROM t);
  INSERT INTO catalog.sku_terms
  SELECT d.* FROM catalog.due_sku_terms() d
  WHERE NOT EXISTS (SELECT FROM catalog.sku_terms t WHERE t.sku = d.sku);
  RETURN NULL;
END
$routine$;

ALTER FUNCTION catalog.refresh_sku_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.refresh_sku_terms IS
  'Trigger: copies the part of the catalogue that place_orders needs into sku_terms';
REVOKE ALL ON FUNCTION catalog.refresh_sku_terms FROM PUBLIC;

-- A sale has no SKUs when it is inserted or deleted, so only its updates matter.
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
-- Fires the trigger once, for SKUs that are older than the trigger.
UPDATE catalog.sku SET sku = sku WHERE false;
