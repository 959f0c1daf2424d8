-- orders_placed: returns what shoppers are told of the orders that this very transaction has placed. The
-- statement that calls place_orders calls it too. So a verdict carries its order, and nobody who waits for
-- the verdict has to look the order up.
--
-- Parameters
--   p_sku        the SKU
--   p_order_nos  the order numbers that place_orders returned; older orders may be among them
-- Result: {sale, sku, currency, createdAt, payBefore, amounts: {order number: amount}, status, packets, units}, with
--   amounts as text. status is paid for orders that cost nothing, packets is {order number: amount} for a pot of money,
--   and units is {order number: [{row, seat}]} for numbered goods; each is absent otherwise. NULL if this transaction
--   placed none of the orders
-- Tables: reads catalog.sku_terms, catalog.sku, orders, unit
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.orders_placed(p_sku text, p_order_nos bigint[]) RETURNS json
-- VOLATILE: otherwise it would not see what its own statement has written.
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $routine$
DECLARE
  v_sale    text := catalog.sale_of_sku(p_sku);
  v_goods   text;
  v_packets json;
  v_units   json;
  v_placed  json;
BEGIN
  SELECT k.goods INTO v_goods FROM catalog.sku k WHERE k.sku = p_sku;
  IF v_goods = 'amounts' THEN
    SELECT json_object_agg(u.order_no, u.amount::text) INTO v_packets
    FROM unit u WHERE u.sale = v_sale AND u.order_no = ANY (p_order_nos);
  ELSIF v_goods = 'numbered' THEN
    SELECT json_object_agg(u.order_no, u.units) INTO v_units FROM order_units(p_order_nos) u;
  END IF;
  -- There is one row, because one call places orders of one SKU, on the same terms, at the same moment.
  SELECT json_strip_nulls(json_build_object(
           'sale', v_sale, 'sku', p_sku, 'currency', o.currency, 'createdAt', o.created_at,
           'payBefore', o.pay_before, 'amounts', json_object_agg(o.order_no, o.amount::text),
           'status', nullif(o.status, 'ordered'), 'packets', v_packets, 'units', v_units))
  INTO v_placed
  FROM orders o
  WHERE o.sale = v_sale AND o.order_no = ANY (p_order_nos)
    AND o.created_at = now() AND o.status = CASE WHEN o.amount = 0 THEN 'paid' ELSE 'ordered' END
  GROUP BY o.currency, o.status, o.created_at, o.pay_before;
  RETURN v_placed;
END
$routine$;

ALTER FUNCTION :schema.orders_placed OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.orders_placed IS
  'What shoppers are told of the orders that this transaction placed: part of a worker''s call';
REVOKE ALL ON FUNCTION :schema.orders_placed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.orders_placed TO flashsale_worker;
