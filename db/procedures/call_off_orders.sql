-- call_off_orders: cancels some orders of a sale that was called off. Their units are free again, and the
-- payments of paid orders go back. Repeat it, from the last order number on, until a call returns no row;
-- call_off_state then says what is left. It may run beside payments, expiry and other calls of itself.
--
-- Parameters
--   p_sale    the sale
--   p_status  ordered or paid: which orders. End the unpaid ones first, so that nobody pays them any more
--   p_after   only orders with higher numbers
--   p_limit   the largest number of orders
-- Result: one row: the last order number, and the orders, units and refunds (payments that go back). No row if
--   there was no such order, except those that other transactions have locked
-- Tables: reads catalog.sale, catalog.sku; writes the tables of end_orders
-- Locks, in order: the advisory locks of the SKUs, shared, ascending; orders rows (SKIP LOCKED); the locks of
--   end_orders
-- Errors: FS001 p_limit is below 1; FS004 the sale was not called off

CREATE OR REPLACE FUNCTION :schema.call_off_orders(
  p_sale text, p_status text, p_after bigint, p_limit int
) RETURNS TABLE (last bigint, orders bigint, units bigint, refunds bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_order_nos bigint[];
BEGIN
  IF p_limit IS NULL OR p_limit < 1 THEN
    RAISE EXCEPTION 'call_off_orders takes a limit of 1 or more' USING ERRCODE = 'FS001';
  END IF;
  IF NOT EXISTS (SELECT FROM catalog.sale s WHERE s.sale = p_sale AND s.called_off_at IS NOT NULL) THEN
    RAISE EXCEPTION 'sale % was not called off', p_sale USING ERRCODE = 'FS004';
  END IF;
  -- The SKUs cannot move to another schema before this transaction ends.
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(k.sku))
  FROM (SELECT c.sku FROM catalog.sku c WHERE c.sale = p_sale ORDER BY c.sku) k;
  v_order_nos := ARRAY(
    SELECT o.order_no FROM orders o
    WHERE o.sale = p_sale AND o.status = p_status AND o.order_no > p_after
    ORDER BY o.order_no LIMIT p_limit
    FOR UPDATE SKIP LOCKED);
  IF v_order_nos = '{}' THEN RETURN; END IF;
  RETURN QUERY
  SELECT v_order_nos[cardinality(v_order_nos)], e.orders, e.units, e.refunds
  FROM end_orders(p_sale, v_order_nos, 'called_off') e;
END
$routine$;

ALTER FUNCTION :schema.call_off_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.call_off_orders IS
  'Cancels some orders of a sale that was called off; repeat it until it returns no row';
REVOKE ALL ON FUNCTION :schema.call_off_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.call_off_orders TO flashsale_ops, flashsale_console;
