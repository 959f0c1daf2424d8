-- transfers_to: returns the transfers for this schema that the other server, where the schema lives, is
-- not known to have applied. Call it on the server where the schema does not live, and pass the rows to
-- apply_transfers of the other server.
--
-- Parameters
--   p_hot_home  the hot home that they go to, or that this server is if they go to regular
--   p_sku       NULL for all SKUs
--   p_limit     the largest number of rows for each SKU
-- Result: one row for each transfer, ascending by SKU and number; entry is what apply_transfers takes
-- Tables: reads transfer
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.transfers_to(p_hot_home text, p_sku text, p_limit int)
RETURNS TABLE (sku text, transfer_no bigint, kind text, entry text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT t.sku, t.transfer_no, t.kind,
         jsonb_build_object('no', t.transfer_no, 'hot_home', t.hot_home, 'sale', t.sale, 'kind', t.kind, 'units', t.units,
                            'body', t.body)::text
  FROM (SELECT w.*, row_number() OVER (PARTITION BY w.sku ORDER BY w.transfer_no) AS place
        FROM transfer w
        WHERE w.done_at IS NULL AND w.hot_home = p_hot_home AND (p_sku IS NULL OR w.sku = p_sku)) t
  WHERE t.place <= p_limit
  ORDER BY t.sku, t.transfer_no
$routine$;

ALTER FUNCTION :schema.transfers_to OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.transfers_to IS
  'Transfers for this schema of another server, as apply_transfers there takes them';
REVOKE ALL ON FUNCTION :schema.transfers_to FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.transfers_to
  TO flashsale_worker, flashsale_ops;
