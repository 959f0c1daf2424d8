-- pay_order: books a payment that the provider has reported.
--
-- Parameters
--   p_order_no     the order
--   p_payment_ref  the provider's reference: the same one again gets the same answer
-- Result
--   paid             the order is paid, now or by an earlier call with this reference. An order
--                    that had expired takes free units again, if there are enough
--   refund_due       money came, but the order cannot have it: cancelled, paid already by another
--                    reference, or expired with no unit or no room within the limit left
--   reference_taken  the reference belongs to another order
--   not_found        no such order
-- Tables: reads catalog.sku; writes orders, payment, outbox; for an expired order also buyer,
--   stock_slot, stock_movement
-- Locks, in order: the orders row; the buyer row; all slots of the SKU, ascending (the last two for
--   an expired order only)
-- Errors: FS001 an empty reference; 23505 the reference is being booked by another session: call
--   again

CREATE OR REPLACE FUNCTION :schema.pay_order(p_order_no bigint, p_payment_ref text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_order  orders%ROWTYPE;
  v_known  payment%ROWTYPE;
  v_limit  int;
  v_free   bigint;
  v_booked bigint;
  v_result text;
BEGIN
  IF p_payment_ref IS NULL OR length(p_payment_ref) NOT BETWEEN 1 AND 200 THEN
    RAISE EXCEPTION 'a payment reference has 1 to 200 characters' USING ERRCODE = 'FS001';
  END IF;
  SELECT * INTO v_order FROM orders o WHERE o.order_no = p_order_no FOR UPDATE;
  IF NOT FOUND THEN RETURN 'not_found'; END IF;
  SELECT * INTO v_known FROM payment p WHERE p.payment_ref = p_payment_ref;
  IF FOUND THEN
    RETURN CASE WHEN v_known.order_no = p_order_no THEN v_known.result ELSE 'reference_taken' END;
  END IF;

  v_result := CASE WHEN v_order.status = 'ordered' THEN 'paid' ELSE 'refund_due' END;

  IF v_order.status = 'expired' THEN
    SELECT k.user_limit INTO v_limit FROM catalog.sku k WHERE k.sku = v_order.sku;
    INSERT INTO buyer AS b (sale, sku, user_id, units)
    VALUES (v_order.sale, v_order.sku, v_order.user_id, v_order.units)
    ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
      WHERE b.units + excluded.units <= v_limit;
    IF FOUND THEN
      SELECT coalesce(sum(s.remaining), 0) INTO v_free
      FROM (SELECT a.remaining FROM stock_slot a
            WHERE a.sku = v_order.sku ORDER BY a.slot FOR UPDATE) s;
      IF v_free >= v_order.units THEN
        -- From the fullest on, as much as each has.
        WITH pile AS (
          SELECT s.slot, s.remaining,
                 sum(s.remaining) OVER (ORDER BY s.remaining DESC, s.slot) - s.remaining AS before
          FROM stock_slot s WHERE s.sku = v_order.sku
        ), drawn AS (
          UPDATE stock_slot s SET remaining = s.remaining - t.units
          FROM (SELECT p.slot, least(p.remaining, v_order.units - p.before)::int AS units
                FROM pile p WHERE p.before < v_order.units AND p.remaining > 0) t
          WHERE s.sku = v_order.sku AND s.slot = t.slot AND s.remaining >= t.units
          RETURNING s.slot, t.units
        ), booked AS (
          INSERT INTO stock_movement (sale, sku, slot, kind, units)
          SELECT v_order.sale, v_order.sku, d.slot, 'sale', -d.units FROM drawn d
          RETURNING units
        )
        SELECT -sum(b.units) INTO v_booked FROM booked b;
        IF v_booked IS DISTINCT FROM v_order.units THEN
          RAISE EXCEPTION 'drew % units of % for an order of %',
            v_booked, v_order.sku, v_order.units USING ERRCODE = 'FS500';
        END IF;
        v_result := 'paid';
      ELSE
        UPDATE buyer b SET units = b.units - v_order.units
        WHERE b.user_id = v_order.user_id AND b.sku = v_order.sku AND b.sale = v_order.sale;
      END IF;
    END IF;
  END IF;

  INSERT INTO payment (payment_ref, sale, order_no, result)
  VALUES (p_payment_ref, v_order.sale, p_order_no, v_result);
  IF v_result = 'paid' THEN
    UPDATE orders o SET status = 'paid', changed_at = now()
    WHERE o.order_no = p_order_no AND o.sale = v_order.sale;
    INSERT INTO outbox (kind, sale, sku, order_nos)
    VALUES ('paid', v_order.sale, v_order.sku, ARRAY[p_order_no]);
  END IF;
  RETURN v_result;
END
$routine$;

ALTER FUNCTION :schema.pay_order OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.pay_order IS
  'Books a payment: paid, refund_due, reference_taken or not_found';
REVOKE ALL ON FUNCTION :schema.pay_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.pay_order
  TO flashsale_web, flashsale_worker;
