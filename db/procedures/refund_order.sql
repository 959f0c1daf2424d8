-- refund_order: ends a paid order for the shop. The order is cancelled, its units are free again, and its
-- payment goes back: a worker gives it back at Stripe, and people do so at other providers.
--
-- Parameters: p_order_no, the order; p_by, who does it; p_reason, why
-- Result
--   refund_due  the order is cancelled and its payment goes back, by this call or an earlier one. order_details
--               says whether the money has gone
--   cancelled   the order is cancelled, and no money had paid it: it cost nothing, or it was unpaid
--   ordered     the order is unpaid: cancel_for_shopper ends it
--   expired     the order had expired
--   not_found   no such order
-- Tables: reads orders, payment; writes the tables of end_orders and catalog.action
-- Locks, in order: the advisory lock of the SKU, shared; the orders row; the locks of end_orders
-- Errors: 23502, 23514 p_by or p_reason is not as record_action wants it

CREATE OR REPLACE FUNCTION :schema.refund_order(p_order_no bigint, p_by text, p_reason text)
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
  IF v_order.status = 'paid' THEN
    PERFORM catalog.record_action(
      p_by, 'refund', v_order.sale, p_order_no::text, p_reason,
      jsonb_build_object('amount', v_order.amount::text, 'currency', v_order.currency));
    PERFORM end_orders(v_order.sale, ARRAY[p_order_no], 'by_shop');
  ELSIF v_order.status <> 'cancelled' THEN
    RETURN v_order.status;
  END IF;
  RETURN CASE WHEN EXISTS (
    SELECT FROM payment p
    WHERE p.order_no = p_order_no AND p.sale = v_order.sale AND p.due_at IS NOT NULL)
    THEN 'refund_due' ELSE 'cancelled' END;
END
$routine$;

ALTER FUNCTION :schema.refund_order OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.refund_order IS
  'Ends a paid order for the shop: refund_due, cancelled, ordered, expired or not_found';
REVOKE ALL ON FUNCTION :schema.refund_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.refund_order TO flashsale_ops, flashsale_console;
