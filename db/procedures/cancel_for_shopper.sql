-- cancel_for_shopper: cancels an unpaid order of any shopper for the shop. Its units are free again.
--
-- Parameters: p_order_no, the order; p_by, who does it; p_reason, why
-- Result
--   cancelled      the order is cancelled, by this call or an earlier one
--   paid, expired  too late: the status of the order. refund_order ends a paid order
--   not_found      no such order
-- Tables: reads orders; writes the tables of end_orders and catalog.action
-- Locks, in order: the advisory lock of the SKU, shared; the orders row; the locks of end_orders
-- Errors: 23502, 23514 p_by or p_reason is not as record_action wants it

CREATE OR REPLACE FUNCTION :schema.cancel_for_shopper(p_order_no bigint, p_by text, p_reason text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_order orders%ROWTYPE;
BEGIN
  -- The SKU cannot move to another schema before this transaction ends.
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(o.sku))
  FROM orders o WHERE o.order_no = p_order_no;
  SELECT * INTO v_order FROM orders o WHERE o.order_no = p_order_no FOR UPDATE;
  IF NOT FOUND THEN RETURN 'not_found'; END IF;
  IF v_order.status <> 'ordered' THEN RETURN v_order.status; END IF;
  PERFORM catalog.record_action(p_by, 'cancel', v_order.sale, p_order_no::text, p_reason);
  PERFORM end_orders(v_order.sale, ARRAY[p_order_no], 'by_shop');
  RETURN 'cancelled';
END
$routine$;

ALTER FUNCTION :schema.cancel_for_shopper OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.cancel_for_shopper IS
  'Cancels an unpaid order for the shop: cancelled, paid, expired or not_found';
REVOKE ALL ON FUNCTION :schema.cancel_for_shopper FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.cancel_for_shopper TO flashsale_ops, flashsale_console;
