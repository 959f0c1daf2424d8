-- pay_order: books a payment that the provider has reported.
--
-- Parameters
--   p_order_no     the order
--   p_payment_ref  the provider's reference: the same one again gets the same answer
--   p_node         whose grant the units are drawn from that an expired order takes again: a web node;
--                  '', nobody's, it takes none (so do older web nodes, which do not say); NULL, that has
--                  to be seen
-- Result
--   paid             the order is paid, now or by an earlier call with this reference; or it costs nothing,
--                    and no money can have come. An order that had expired takes free units again, if
--                    there are enough and take_units allows it
--   refund_due       money came, but the order cannot have it: cancelled, paid already by another
--                    reference, or expired with no unit or no room within the limit left
--   late             it has expired, and p_node was NULL, or is fenced: what it drew is others' by now.
--                    Nothing was done. Call again with a node that has drawn units, or ''
--   reference_taken  the reference belongs to another order
--   not_found        no such order
--   elsewhere        it had expired and its SKU lives on another server: nothing was done. transfer_units
--                    there decides, and a transfer brings the answer; call again then
-- Tables: reads catalog.sku, fenced_node; writes orders, payment, catalog.payment_reference, outbox; for
--   an expired order also buyer, stock_slot, stock_movement, those of the other schema if the SKU has
--   moved there
-- Locks, in order: the advisory lock of the SKU, shared; that of the node, shared (fence_node takes it
--   exclusively); the orders row; the key of the reference; the buyer row; all slots of the SKU,
--   ascending (the last two for an expired order only)
-- Errors: FS001 an empty reference; 23505 the reference is being booked by another session: call
--   again

CREATE OR REPLACE FUNCTION :schema.pay_order(
  p_order_no bigint, p_payment_ref text, p_node text DEFAULT ''
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_order  orders%ROWTYPE;
  v_known  payment%ROWTYPE;
  v_home   text;
  v_taken  boolean;
  v_result text;
BEGIN
  -- Its SKU stays in the schema where it is until this is over.
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(o.sku))
  FROM orders o WHERE o.order_no = p_order_no;
  -- Before anything is read, so that a fence that was put up before is seen.
  IF p_node <> '' THEN
    PERFORM pg_advisory_xact_lock_shared(
      hashtext('fence ' || current_schema()), hashtext(p_node COLLATE "C"));
  END IF;
  SELECT * INTO v_order FROM orders o WHERE o.order_no = p_order_no FOR UPDATE;
  IF NOT FOUND THEN RETURN 'not_found'; END IF;
  SELECT * INTO v_known FROM payment p WHERE p.payment_ref = p_payment_ref;
  IF FOUND THEN
    RETURN CASE WHEN v_known.order_no = p_order_no THEN v_known.result ELSE 'reference_taken' END;
  END IF;
  IF v_order.amount = 0 AND v_order.status = 'paid' THEN RETURN 'paid'; END IF;
  IF v_order.status = 'expired' AND (p_node IS NULL OR node_fenced(p_node)) THEN RETURN 'late'; END IF;
  IF NOT catalog.claim_reference(p_payment_ref, v_order.sale, p_order_no) THEN
    RETURN 'reference_taken';
  END IF;

  v_result := CASE WHEN v_order.status = 'ordered' THEN 'paid' ELSE 'refund_due' END;

  IF v_order.status = 'expired' AND p_node <> '' THEN
    v_home := (SELECT k.schema FROM catalog.sku k WHERE k.sku = v_order.sku);
    IF v_home = current_schema() THEN
      v_taken := take_units(v_order.sale, v_order.sku, v_order.user_id, v_order.units, 'sale');
    ELSE
      EXECUTE format('SELECT %I.take_units($1, $2, $3, $4, $5)', v_home)
        INTO v_taken
        USING v_order.sale, v_order.sku, v_order.user_id, v_order.units, 'move';
      IF v_taken THEN
        -- Slot 1 stands for the slots that are gone: what it gets is sold at once.
        INSERT INTO stock_movement (sale, sku, slot, kind, units)
        VALUES (v_order.sale, v_order.sku, 1, 'move', v_order.units),
               (v_order.sale, v_order.sku, 1, 'sale', -v_order.units);
      END IF;
    END IF;
    IF v_taken IS NULL THEN RETURN 'elsewhere'; END IF;
    IF v_taken THEN v_result := 'paid'; END IF;
  END IF;

  INSERT INTO payment (payment_ref, sale, order_no, result)
  VALUES (p_payment_ref, v_order.sale, p_order_no, v_result);
  IF v_result = 'paid' THEN
    UPDATE orders o SET status = 'paid', changed_at = now()
    WHERE o.order_no = p_order_no AND o.sale = v_order.sale;
  END IF;
  INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
  VALUES (v_result, v_order.sale, v_order.sku, ARRAY[p_order_no],
          CASE WHEN v_result = 'refund_due' THEN p_payment_ref END);
  RETURN v_result;
END
$routine$;

ALTER FUNCTION :schema.pay_order OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.pay_order IS
  'Books a payment: paid, refund_due, late, reference_taken, not_found or elsewhere';
REVOKE ALL ON FUNCTION :schema.pay_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.pay_order
  TO flashsale_web, flashsale_worker;
