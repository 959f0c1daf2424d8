-- expire_orders_of: expires unpaid orders of some SKUs whose payment window has ended. Their units are free again.
-- Many workers may call it at once: no two calls take the same order. It fails as a whole. A worker then goes on
-- SKU by SKU and with fewer orders, so that a SKU that is locked or whose books are broken holds up no other.
--
-- Parameters
--   p_skus   the SKUs, as overdue_skus returns them
--   p_limit  the largest number of orders to expire
-- Result: one row for each SKU with expired orders: sku, orders, units. Fewer than p_limit orders in all
--   mean that no more orders were due, except those that other transactions have locked
-- Tables: reads catalog.sku; writes orders, unit and outbox; writes buyer, stock_slot and stock_movement of the
--   schema where each SKU lives now
-- Locks, in order
--   1. the advisory lock of each SKU with orders due, shared, without waiting. A SKU that is being moved is
--      left to the next call
--   2. orders rows (SKIP LOCKED)
--   3. buyer rows, ascending by SKU and user
--   4. for each SKU, ascending, the unit rows of the orders and the locks of put_units
-- Errors: FS001 no p_skus, or p_limit is below 1

CREATE OR REPLACE FUNCTION :schema.expire_orders_of(p_skus text[], p_limit int)
RETURNS TABLE (sku text, orders bigint, units bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_due       text[];
  v_order_nos bigint[];
  v_sales     text[];
  v_skus      text[];
  v_users     text[];
  v_units     int[];
  v_sku       record;
BEGIN
  IF p_skus IS NULL OR p_limit IS NULL OR p_limit < 1 THEN
    RAISE EXCEPTION 'expire_orders_of takes SKUs and a limit of 1 or more' USING ERRCODE = 'FS001';
  END IF;

  v_due := ARRAY(
    SELECT d.sku FROM unnest(p_skus) AS d (sku)
    WHERE pg_try_advisory_xact_lock_shared(hashtext('sku'), hashtext(d.sku)));
  -- The tables to be written must not be opened for nothing.
  IF v_due = '{}' THEN RETURN; END IF;
  WITH due AS MATERIALIZED (
    SELECT d.order_no, d.sale
    FROM (SELECT c.sku, c.sale FROM catalog.sku c WHERE c.sku = ANY (v_due) ORDER BY c.sku) k
    CROSS JOIN LATERAL (
      SELECT o.order_no, o.sale FROM orders o
      WHERE o.sale = k.sale AND o.sku = k.sku AND o.status = 'ordered' AND o.pay_before <= now()
      ORDER BY o.pay_before LIMIT p_limit
      FOR UPDATE SKIP LOCKED) d
    LIMIT p_limit
  ), expired AS (
    UPDATE orders o SET status = 'expired', changed_at = now()
    -- The numbers once more: a plan that is made early must not read all orders to join them.
    FROM due d WHERE o.order_no = d.order_no AND o.sale = d.sale AND o.order_no = ANY (ARRAY(SELECT e.order_no FROM due e))
    RETURNING o.order_no, o.sale, o.sku, o.user_id, o.units
  )
  SELECT array_agg(e.order_no), array_agg(e.sale), array_agg(e.sku), array_agg(e.user_id),
         array_agg(e.units)
  INTO v_order_nos, v_sales, v_skus, v_users, v_units
  FROM expired e;

  FOR v_sku IN
    SELECT k.schema AS home, e.sale, e.sku, array_agg(e.user_id) AS users,
           array_agg(e.units) AS units
    FROM unnest(v_users, v_skus, v_sales, v_units) AS e (user_id, sku, sale, units)
    JOIN catalog.sku k ON k.sku = e.sku
    GROUP BY 1, 2, 3 ORDER BY e.sku COLLATE "C"
  LOOP
    EXECUTE format('SELECT %I.lower_buyers($1, $2, $3, $4)', v_sku.home)
      USING v_sku.sale, v_sku.sku, v_sku.users, v_sku.units;
  END LOOP;

  FOR v_sku IN
    SELECT e.sale, e.sku, sum(e.units)::int AS units, array_agg(e.order_no) AS order_nos
    FROM unnest(v_order_nos, v_sales, v_skus, v_units) AS e (order_no, sale, sku, units)
    GROUP BY 1, 2 ORDER BY e.sku COLLATE "C"
  LOOP
    PERFORM free_units(v_sku.sale, v_sku.order_nos);
    PERFORM return_units(v_sku.sale, v_sku.sku, v_sku.units);
    INSERT INTO outbox (kind, sale, sku, order_nos)
    VALUES ('expired', v_sku.sale, v_sku.sku, v_sku.order_nos);
    sku := v_sku.sku;
    orders := cardinality(v_sku.order_nos);
    units := v_sku.units;
    RETURN NEXT;
  END LOOP;
END
$routine$;

ALTER FUNCTION :schema.expire_orders_of OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.expire_orders_of IS
  'Expires unpaid orders of some SKUs whose payment window has ended; many workers may call it at once';
REVOKE ALL ON FUNCTION :schema.expire_orders_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.expire_orders_of
  TO flashsale_worker;
