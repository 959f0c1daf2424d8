-- pay_order: books a payment that the payment provider has reported.
--
-- Parameters
--   p_order_no     the order
--   p_payment_ref  the provider's reference. The same reference again gets the same answer
--   p_node         the web node that has drawn the units from its grant, if the order has expired and needs
--                  units again. '' is no node: the order gets no units. (Older web nodes leave p_node out,
--                  which is the same.) NULL: nothing is drawn yet; the answer for an expired order is late
-- Result
--   paid             the order is paid, by this call or by an earlier one with this reference. Or it costs
--                    nothing, and no money can have come. An expired order takes free units again if there
--                    are enough and take_units allows it
--   refund_due       money came, but the order cannot have it: it is cancelled, it is paid with another
--                    reference, or it has expired and got no units
--   late             the order has expired, and p_node is NULL or fenced. Others have the units that a fenced
--                    node drew. Nothing was changed. Call again with a node that has drawn units, or with ''
--   reference_taken  the reference belongs to another order
--   not_found        no such order
--   elsewhere        the order has expired and its SKU lives on another server. Nothing was changed, except
--                    that the reference now belongs to the order. transfer_units decides on that server, and
--                    a transfer brings the answer; call again then
-- Tables: reads catalog.sku, catalog.sale, fenced_node; writes orders, payment, catalog.payment_reference,
--   outbox; for an expired order also unit and stock_movement, and buyer, stock_slot and stock_movement of the
--   schema where the SKU lives
-- Locks, in order
--   1. the advisory lock of the SKU, shared
--   2. the advisory lock of the node, shared (fence_node takes it exclusively)
--   3. the orders row
--   4. the key of the reference
--   5. for an expired order, the next free unit rows if it is numbered, the buyer row, then all slots of the SKU,
--      ascending
-- Errors: FS001 the reference is empty or has more than 200 characters; 23505 another session is booking the
--   reference: call again

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
  v_goods  text;
  v_held   int[];
  v_taken  boolean;
  v_result text;
BEGIN
  -- The SKU cannot move to another schema before this transaction ends.
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(o.sku))
  FROM orders o WHERE o.order_no = p_order_no;
  -- Lock before anything is read, so that an earlier fence is seen.
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
    SELECT k.schema, k.goods INTO v_home, v_goods FROM catalog.sku k WHERE k.sku = v_order.sku;
    IF v_goods = 'numbered' THEN
      -- Units before slots, as in place_numbered. Such a SKU lives where its orders are.
      v_held := lock_units(v_order.sale, v_order.sku, 0, v_order.units, true);
      v_taken := cardinality(v_held) >= v_order.units
        AND take_units(v_order.sale, v_order.sku, v_order.user_id, v_order.units, 'sale');
      IF v_taken THEN
        PERFORM give_units(v_order.sale, v_order.sku, v_held, ARRAY[p_order_no], ARRAY[v_order.units]);
      END IF;
    ELSIF v_home = current_schema() THEN
      v_taken := take_units(v_order.sale, v_order.sku, v_order.user_id, v_order.units, 'sale');
    ELSE
      EXECUTE format('SELECT %I.take_units($1, $2, $3, $4, $5)', v_home)
        INTO v_taken
        USING v_order.sale, v_order.sku, v_order.user_id, v_order.units, 'move';
      IF v_taken THEN
        -- The slots of this schema are gone. Slot 1 stands for them: its units are sold at once.
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
  TO flashsale_web, flashsale_worker, flashsale_ops;
