-- delete_sale: deletes everything that belongs to a sale from both schemas of this server. Part of drop_sale,
-- remove_sale and remove_rehearsal, which check whether it may go. The partitions are dropped as files, so the
-- number of orders does not matter.
--
-- Parameters: p_sale; p_skus, its SKUs. The caller holds the locks of both and the advisory lock of each SKU
-- Result: none
-- Tables: drops the sale's partition of each partitioned table of regular and hot; deletes its rows
--   of stock_slot, transfer, transfer_mark, request_index and webhook_delivery of both, and of catalog.notice_contact (with
--   its notices), catalog.payment_reference (not those that drop_sale keeps), catalog.sku, catalog.ticket_key, catalog.sale
-- Locks: ACCESS EXCLUSIVE on the partitioned tables, for the milliseconds that the DROP takes. Orders of other
--   sales wait that long
-- Errors: 55P03 another transaction held a lock

CREATE OR REPLACE FUNCTION catalog.delete_sale(p_sale text, p_skus text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_table record;
BEGIN
  -- These delete one row for each payment, contact and request, so they come before the locks that other sales wait for.
  DELETE FROM catalog.payment_reference r WHERE r.sale = p_sale AND r.dropped_at IS NULL;
  DELETE FROM catalog.notice_contact c WHERE c.sale = p_sale;
  DELETE FROM regular.request_index i WHERE i.sale = p_sale;
  DELETE FROM hot.request_index i WHERE i.sale = p_sale;
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
  DELETE FROM regular.stock_slot s WHERE s.sku = ANY (p_skus);
  DELETE FROM hot.stock_slot s WHERE s.sku = ANY (p_skus);
  DELETE FROM regular.transfer t WHERE t.sku = ANY (p_skus);
  DELETE FROM hot.transfer t WHERE t.sku = ANY (p_skus);
  DELETE FROM regular.transfer_mark m WHERE m.sku = ANY (p_skus);
  DELETE FROM hot.transfer_mark m WHERE m.sku = ANY (p_skus);
  DELETE FROM regular.webhook_delivery d WHERE d.sale = p_sale;
  DELETE FROM hot.webhook_delivery d WHERE d.sale = p_sale;
  DELETE FROM catalog.sku k WHERE k.sale = p_sale;
  DELETE FROM catalog.ticket_key t WHERE t.sale = p_sale;
  DELETE FROM catalog.sale s WHERE s.sale = p_sale;
END
$routine$;

ALTER FUNCTION catalog.delete_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.delete_sale IS
  'Deletes everything that belongs to a sale: part of drop_sale, remove_sale and remove_rehearsal';
REVOKE ALL ON FUNCTION catalog.delete_sale FROM PUBLIC;
