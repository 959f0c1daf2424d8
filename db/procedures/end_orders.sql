-- end_orders: cancels unpaid and paid orders of one sale. Their units are free again, and the payments of
-- paid orders go back. A packet of a pot stays taken, and its user at the limit. Part of cancel_order,
-- cancel_for_shopper, refund_order and call_off_orders; not to be called alone.
--
-- Parameters
--   p_sale       the sale
--   p_order_nos  its orders; those that are neither unpaid nor paid are left as they are. The caller holds
--                their rows, and the advisory locks of their SKUs, shared, so that no SKU can move
--   p_reason     why the shop cancels them: by_shop or called_off; NULL if the shopper does
-- Result: one row: orders, units, and refunds (payments that go back) that this call has ended
-- Tables: reads catalog.sku; writes orders, payment, unit and outbox; writes buyer, stock_slot and stock_movement of
--   the schema where each SKU lives now
-- Locks, in order: the orders rows; buyer rows, ascending by SKU and user; for each SKU, ascending, the unit rows
--   of the orders and the locks of put_units; the payment rows
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.end_orders(p_sale text, p_order_nos bigint[], p_reason text)
RETURNS TABLE (orders bigint, units bigint, refunds bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_nos   bigint[];
  v_skus  text[];
  v_users text[];
  v_units int[];
  v_paid  bigint[];
  v_sku   record;
BEGIN
  WITH ended AS (
    UPDATE orders o SET status = 'cancelled', reason = p_reason, was_paid = o.status = 'paid',
                        changed_at = now()
    WHERE o.sale = p_sale AND o.order_no = ANY (p_order_nos) AND o.status IN ('ordered', 'paid')
    RETURNING o.order_no, o.sku, o.user_id, o.units, o.was_paid
  )
  SELECT array_agg(e.order_no), array_agg(e.sku), array_agg(e.user_id), array_agg(e.units),
         array_agg(e.order_no) FILTER (WHERE e.was_paid), count(*), coalesce(sum(e.units), 0)
  INTO v_nos, v_skus, v_users, v_units, v_paid, orders, units
  FROM ended e;

  -- The users of all SKUs first, then the slots, as expire_orders_of does.
  FOR v_sku IN
    SELECT k.schema AS home, e.sku, array_agg(e.user_id) AS users, array_agg(e.units) AS units
    FROM unnest(v_skus, v_users, v_units) AS e (sku, user_id, units)
    -- A user who drew from a pot does not draw again, because the first packet was paid out.
    JOIN catalog.sku k ON k.sku = e.sku AND k.goods <> 'amounts'
    GROUP BY 1, 2 ORDER BY e.sku COLLATE "C"
  LOOP
    EXECUTE format('SELECT %I.lower_buyers($1, $2, $3, $4)', v_sku.home)
      USING p_sale, v_sku.sku, v_sku.users, v_sku.units;
  END LOOP;
  FOR v_sku IN
    SELECT e.sku, sum(e.units)::int AS units, array_agg(e.order_no) AS order_nos
    FROM unnest(v_nos, v_skus, v_units) AS e (order_no, sku, units)
    GROUP BY 1 ORDER BY e.sku COLLATE "C"
  LOOP
    PERFORM free_units(p_sale, v_sku.order_nos);
    PERFORM return_units(p_sale, v_sku.sku, v_sku.units);
    INSERT INTO outbox (kind, sale, sku, order_nos)
    VALUES ('cancelled', p_sale, v_sku.sku, v_sku.order_nos);
  END LOOP;

  WITH due AS (
    UPDATE payment p SET result = 'refund_due', due_at = now()
    WHERE p.sale = p_sale AND p.order_no = ANY (v_paid) AND p.result = 'paid'
    RETURNING p.payment_ref, p.order_no
  ), told AS (
    INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
    SELECT 'refund_due', p_sale, e.sku, ARRAY[d.order_no], d.payment_ref
    FROM due d JOIN unnest(v_nos, v_skus) AS e (order_no, sku) ON e.order_no = d.order_no
    RETURNING 1
  )
  SELECT count(*) INTO refunds FROM told t;
  RETURN NEXT;
END
$routine$;

ALTER FUNCTION :schema.end_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_orders IS
  'Cancels unpaid and paid orders of a sale: part of cancel_order, refund_order and call_off_orders';
REVOKE ALL ON FUNCTION :schema.end_orders FROM PUBLIC;
