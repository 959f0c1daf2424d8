-- drop_sale: removes an old sale and everything that belongs to it from both schemas, in one statement:
--   SELECT * FROM catalog.drop_sale('spring-2024');
-- The partitions are dropped as files, so the number of orders does not matter. Export first what you want
-- to keep. References of booked payments stay for dropped_payments_keep_s, because providers repeat their callbacks
-- (is_dropped_payment). The first call after that removes them.
--
-- Parameters: p_sale
-- Result: one row for each SKU of the sale: sku, orders, paid
-- Tables: reads orders and payment of both schemas, catalog.tunable; writes catalog.payment_reference; see delete_sale
-- Locks, in order
--   1. the catalog.sale row and its catalog.sku rows
--   2. the advisory lock of each SKU, exclusively, ascending: no batch of the SKU is under way then
--   3. the rows of catalog.payment_reference that stay or are too old
--   4. the locks of delete_sale. They wait for transactions that use the tables, at most lock_timeout. After
--      that the call fails and nothing was done: call again
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
  v_skus text[];
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

  DELETE FROM payment_reference r
  WHERE r.dropped_at < now() - tunable('dropped_payments_keep_s') * interval '1 s';
  -- A reference that was claimed and never booked is not kept: that money has to go back if it is reported again.
  -- It takes some 50 us for each payment, before the locks that other sales wait for.
  UPDATE payment_reference r SET dropped_at = now()
  FROM (
    SELECT p.payment_ref FROM regular.payment p WHERE p.sale = p_sale
    UNION ALL
    SELECT p.payment_ref FROM hot.payment p WHERE p.sale = p_sale) booked
  WHERE r.payment_ref = booked.payment_ref;

  PERFORM delete_sale(p_sale, v_skus);
END
$routine$;

ALTER FUNCTION catalog.drop_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.drop_sale IS
  'Removes an old sale and everything that belongs to it from both schemas';
REVOKE ALL ON FUNCTION catalog.drop_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.drop_sale TO flashsale_ops;
