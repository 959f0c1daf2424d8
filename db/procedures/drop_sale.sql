-- drop_sale: removes an old sale and everything that belongs to it from both schemas, in one statement:
--   SELECT * FROM catalog.drop_sale('spring-2024');
-- The partitions are dropped as files, so the number of orders does not matter. Export first what you want
-- to keep.
--
-- Parameters: p_sale
-- Result: one row for each SKU of the sale: sku, orders, paid
-- Tables: drops the sale's partition of each partitioned table of regular and hot; deletes its rows
--   of stock_slot, transfer, transfer_mark and webhook_delivery of both, and of catalog.notice_contact (with
--   its notices), catalog.payment_reference, catalog.sku, catalog.ticket_key, catalog.sale
-- Locks, in order
--   1. the catalog.sale row and its catalog.sku rows
--   2. the advisory lock of each SKU, exclusively, ascending: no batch of the SKU is under way then
--   3. ACCESS EXCLUSIVE on the partitioned tables, for the milliseconds that the DROP takes. Orders of other
--      sales wait that long. This lock waits for transactions that use the tables, at most lock_timeout.
--      After that the call fails and nothing was done: call again
-- Errors: those of check_sale_over; 55P03 another transaction held a lock: call again

CREATE OR REPLACE FUNCTION catalog.drop_sale(p_sale text)
RETURNS TABLE (sku text, orders bigint, paid bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
-- Orders of other sales may wait behind this call: the limit keeps their delay short.
SET lock_timeout = '500ms'
AS $routine$
#variable_conflict use_column
DECLARE
  v_skus      text[];
  v_table     record;
BEGIN
  PERFORM FROM catalog.sale s WHERE s.sale = p_sale FOR UPDATE;
  v_skus := ARRAY(SELECT k.sku FROM catalog.sku k WHERE k.sale = p_sale ORDER BY k.sku FOR UPDATE);
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(k.sku)) FROM unnest(v_skus) AS k (sku);

  PERFORM check_sale_over(p_sale);
  RETURN QUERY
    SELECT k.sku, count(o.sku), count(o.sku) FILTER (WHERE o.status = 'paid')
    FROM unnest(v_skus) AS k (sku)
    LEFT JOIN (
      SELECT r.sku, r.status FROM regular.orders r WHERE r.sale = p_sale
      UNION ALL
      SELECT h.sku, h.status FROM hot.orders h WHERE h.sale = p_sale) o ON o.sku = k.sku
    GROUP BY k.sku ORDER BY k.sku;

  -- These delete one row for each payment and contact, so they come before the locks that other sales wait for.
  DELETE FROM catalog.payment_reference r WHERE r.sale = p_sale;
  DELETE FROM catalog.notice_contact c WHERE c.sale = p_sale;
  FOR v_table IN
    -- Found by their bounds, because older versions named partitions in another way.
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE p.relkind = 'p' AND n.nspname IN ('regular', 'hot')
      AND pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES IN (%L)', p_sale)
    ORDER BY n.nspname, p.relname
  LOOP
    EXECUTE format('DROP TABLE %I.%I', v_table.schema, v_table.name);
  END LOOP;
  DELETE FROM regular.stock_slot s WHERE s.sku = ANY (v_skus);
  DELETE FROM hot.stock_slot s WHERE s.sku = ANY (v_skus);
  DELETE FROM regular.transfer t WHERE t.sku = ANY (v_skus);
  DELETE FROM hot.transfer t WHERE t.sku = ANY (v_skus);
  DELETE FROM regular.transfer_mark m WHERE m.sku = ANY (v_skus);
  DELETE FROM hot.transfer_mark m WHERE m.sku = ANY (v_skus);
  DELETE FROM regular.webhook_delivery d WHERE d.sale = p_sale;
  DELETE FROM hot.webhook_delivery d WHERE d.sale = p_sale;
  DELETE FROM catalog.sku k WHERE k.sale = p_sale;
  DELETE FROM catalog.ticket_key t WHERE t.sale = p_sale;
  DELETE FROM catalog.sale s WHERE s.sale = p_sale;
END
$routine$;

ALTER FUNCTION catalog.drop_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.drop_sale IS
  'Removes an old sale and everything that belongs to it from both schemas';
REVOKE ALL ON FUNCTION catalog.drop_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.drop_sale TO flashsale_ops;
