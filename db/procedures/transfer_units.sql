-- transfer_units: decides whether an expired order of the other server that is paid late gets units. Call it
-- where the SKU lives. It writes the answer into a transfer. A repeated call for the same order, reference
-- and user changes nothing.
--
-- Parameters
--   p_sku, p_user_id, p_units, p_order_no  the order
--   p_payment_ref  the provider's reference of the payment
--   p_node         the web node that has drawn the units from its grant; '' is no node, and the order gets no
--                  units. (Older web nodes leave p_node out, which is the same.)
-- Result
--   sent   the answer is in a transfer. pay_order of the other server has it once the transfer is applied
--   moved  the SKU does not live here, or not any more
--   late   the node is fenced. Others have the units that it drew. No units were taken
-- Tables: reads catalog.home, catalog.sku, catalog.sale, fenced_node; writes buyer, stock_slot, stock_movement; transfer
--   and transfer_mark of the schema that takes the transfers to the order's home: hot on the server of regular,
--   regular on any other one
-- Locks, in order
--   1. the advisory lock of the SKU, shared
--   2. the advisory lock of the node, shared (fence_node takes it exclusively)
--   3. the transfer_mark row of that schema
--   4. the buyer row
--   5. all slots of the SKU, ascending
-- Errors: FS001 the reference is empty or has more than 200 characters

CREATE OR REPLACE FUNCTION :schema.transfer_units(
  p_sku text, p_user_id text, p_units int, p_order_no bigint, p_payment_ref text,
  p_node text DEFAULT ''
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_other text := CASE WHEN current_schema() = 'regular' OR EXISTS (
                    SELECT FROM catalog.home h WHERE h.here AND h.name = 'regular' AND h.hub IS NOT NULL)
                  THEN 'hot' ELSE 'regular' END;
  v_body  jsonb := jsonb_build_object('order_no', p_order_no, 'payment_ref', p_payment_ref,
                                      'user_id', p_user_id);
  v_sale  text;
  v_home  text := catalog.hot_home(
                    (SELECT h.name FROM catalog.home h WHERE h.number = catalog.home_of_order(p_order_no)));
  v_known boolean;
  v_lent  boolean;
BEGIN
  IF p_payment_ref IS NULL OR length(p_payment_ref) NOT BETWEEN 1 AND 200 THEN
    RAISE EXCEPTION 'a payment reference has 1 to 200 characters' USING ERRCODE = 'FS001';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  IF p_node <> '' THEN
    PERFORM pg_advisory_xact_lock_shared(
      hashtext('fence ' || current_schema()), hashtext(p_node COLLATE "C"));
  END IF;
  SELECT k.sale INTO v_sale FROM catalog.sku k
  WHERE k.sku = p_sku AND k.schema = current_schema() AND NOT k.abroad;
  IF NOT FOUND THEN RETURN 'moved'; END IF;

  -- Without a key in ON CONFLICT: there are two keys while hot is the only hot home (set_homes).
  EXECUTE format('INSERT INTO %I.transfer_mark (sku, hot_home) VALUES ($1, $2) ON CONFLICT DO NOTHING', v_other)
    USING p_sku, v_home;
  EXECUTE format('SELECT FROM %I.transfer_mark m WHERE m.sku = $1 AND m.hot_home = $2 FOR UPDATE', v_other)
    USING p_sku, v_home;
  EXECUTE format($sql$SELECT EXISTS (SELECT FROM %I.transfer t
                      WHERE t.sku = $1 AND t.kind = 'payment' AND t.body = $2)$sql$, v_other)
    INTO v_known USING p_sku, v_body;
  IF NOT v_known THEN
    IF node_fenced(p_node) THEN RETURN 'late'; END IF;
    v_lent := p_node <> '' AND take_units(v_sale, p_sku, p_user_id, p_units, 'move');
    EXECUTE format($sql$SELECT %I.send_transfer($1, $2, 'payment', $3, $4)$sql$, v_other)
      USING p_sku, v_sale, CASE WHEN v_lent THEN p_units ELSE 0 END::bigint, v_body;
  END IF;
  RETURN 'sent';
END
$routine$;

ALTER FUNCTION :schema.transfer_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.transfer_units IS
  'Decides whether a late payment of the other server gets units: sent, moved or late';
REVOKE ALL ON FUNCTION :schema.transfer_units FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.transfer_units TO flashsale_web, flashsale_worker;
