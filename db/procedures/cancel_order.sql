-- cancel_order: cancels an unpaid order for its owner. Its units are free again.
--
-- Parameters: p_order_no, the order; p_user_id, the user who asks
-- Result
--   cancelled      the order is cancelled, by this call or an earlier one
--   paid, expired  too late: the status of the order
--   not_found      this user has no such order
-- Tables: reads orders; writes the tables of end_orders
-- Locks, in order: the advisory lock of the SKU, shared; the orders row; the locks of end_orders
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.cancel_order(p_order_no bigint, p_user_id text) RETURNS text
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
  IF NOT FOUND OR v_order.user_id IS DISTINCT FROM p_user_id THEN RETURN 'not_found'; END IF;
  IF v_order.status <> 'ordered' THEN RETURN v_order.status; END IF;

  PERFORM end_orders(v_order.sale, ARRAY[p_order_no], NULL);
  RETURN 'cancelled';
END
$routine$;

ALTER FUNCTION :schema.cancel_order OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.cancel_order IS
  'Cancels an unpaid order for its owner: cancelled, paid, expired or not_found';
REVOKE ALL ON FUNCTION :schema.cancel_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.cancel_order
  TO flashsale_web, flashsale_worker;
