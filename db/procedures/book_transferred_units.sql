-- book_transferred_units: books the late payment of an order whose SKU lives on the other server. The
-- transfer brings all units of the order, or none. Part of apply_transfers.
--
-- Parameters
--   p_order_no     the order
--   p_payment_ref  the reference of the payment
--   p_units        the units of the transfer: all of the order's, or 0
-- Result: true if no unit is left over; false if the order could not use the units, because it was paid
--   in another way in the meantime
-- Tables: writes orders, payment, outbox, stock_movement
-- Locks: the orders row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.book_transferred_units(p_order_no bigint, p_payment_ref text, p_units int)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_order orders%ROWTYPE;
  v_pays  boolean;
BEGIN
  SELECT * INTO v_order FROM orders o WHERE o.order_no = p_order_no FOR UPDATE;
  IF EXISTS (SELECT FROM payment p WHERE p.payment_ref = p_payment_ref) THEN RETURN p_units = 0; END IF;
  v_pays := p_units > 0 AND v_order.status = 'expired';
  INSERT INTO payment (payment_ref, sale, order_no, result)
  VALUES (p_payment_ref, v_order.sale, p_order_no,
          CASE WHEN v_pays THEN 'paid' ELSE 'refund_due' END);
  INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
  VALUES (CASE WHEN v_pays THEN 'paid' ELSE 'refund_due' END, v_order.sale, v_order.sku,
          ARRAY[p_order_no], CASE WHEN NOT v_pays THEN p_payment_ref END);
  IF NOT v_pays THEN RETURN p_units = 0; END IF;

  UPDATE orders o SET status = 'paid', changed_at = now()
  WHERE o.order_no = p_order_no AND o.sale = v_order.sale;
  -- Slot 1 stands for the slots of the other server. Its units are sold at once.
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  VALUES (v_order.sale, v_order.sku, 1, 'move', p_units),
         (v_order.sale, v_order.sku, 1, 'sale', -p_units);
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.book_transferred_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.book_transferred_units IS
  'Books a late payment with units of the other server, or without: part of apply_transfers';
REVOKE ALL ON FUNCTION :schema.book_transferred_units FROM PUBLIC;
