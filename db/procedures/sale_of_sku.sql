-- sale_of_sku: returns the sale of a SKU. A statement that compares the sale of a partitioned table with it opens that
-- one partition only. (Compared with a column of another table, it would open the partitions of all sales, which takes
-- some 7 us for each.)
--
-- Parameters: p_sku
-- Result: the sale, or NULL if there is no such SKU
-- Tables: reads catalog.sku_terms
-- Locks: none
-- Errors: none
--
-- It runs with the rights of the caller: settings of its own would double its time, and place_orders calls it for each
-- batch. PL/pgSQL keeps its plan.

CREATE OR REPLACE FUNCTION catalog.sale_of_sku(p_sku text) RETURNS text
LANGUAGE plpgsql STABLE
AS $routine$
BEGIN
  RETURN (SELECT t.sale FROM catalog.sku_terms t WHERE t.sku = p_sku);
END
$routine$;

ALTER FUNCTION catalog.sale_of_sku OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sale_of_sku IS
  'The sale of a SKU, for statements that are to open the tables of this sale only';
REVOKE ALL ON FUNCTION catalog.sale_of_sku FROM PUBLIC;
