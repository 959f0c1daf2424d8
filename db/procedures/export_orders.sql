-- export_orders: opens a cursor over the orders of a sale, by number, with their payments and refunds. Fetch
-- from it in the same transaction. A transaction with REPEATABLE READ sees one state of the whole schema, and of
-- both schemas where they share a server.
--
-- Parameters: p_sale, the sale; p_cursor, the name of the cursor
-- Result: the name of the cursor. Its rows: the columns of orders, with times as text in UTC with microseconds,
--   packet: the amount that an order has drawn from a pot, or NULL, and payments: NULL, or an array of {ref, result,
--   amount, currency, received_at, refund}, by time and reference, where refund is null or {state, ref, due_at,
--   changed_at}
-- Tables: reads catalog.sale, orders, unit, payment, refund
-- Locks: none
-- Errors: FS002 no such sale

CREATE OR REPLACE FUNCTION :schema.export_orders(p_sale text, p_cursor refcursor) RETURNS refcursor
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_time constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
BEGIN
  IF NOT EXISTS (SELECT FROM catalog.sale s WHERE s.sale = p_sale) THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;
  OPEN p_cursor FOR
    SELECT o.order_no, o.sku, o.request_id, o.user_id, o.units, o.amount::text, o.currency, o.status,
           o.reason, o.was_paid, o.day::text, o.streak,
           (SELECT u.amount::text FROM unit u
            WHERE o.amount = 0 AND u.sale = o.sale AND u.order_no = o.order_no
              AND u.amount IS NOT NULL) AS packet,
           (SELECT string_agg(concat_ws('-', u.line, u.seat), ' ' ORDER BY u.position) FROM unit u
            WHERE u.sale = o.sale AND u.order_no = o.order_no AND u.amount IS NULL) AS seats,
           to_char(o.created_at AT TIME ZONE 'UTC', v_time) AS created_at,
           to_char(o.pay_before AT TIME ZONE 'UTC', v_time) AS pay_before,
           to_char(o.changed_at AT TIME ZONE 'UTC', v_time) AS changed_at,
           (SELECT json_agg(json_build_object(
                     'ref', p.payment_ref, 'result', p.result,
                     'amount', coalesce(p.amount, o.amount)::text,
                     'currency', coalesce(p.currency, o.currency),
                     'received_at', to_char(p.received_at AT TIME ZONE 'UTC', v_time),
                     'refund', CASE WHEN p.result = 'refund_due' THEN json_build_object(
                       'state', coalesce(r.state, 'due'), 'ref', r.refund_ref,
                       'due_at', to_char(coalesce(p.due_at, p.received_at) AT TIME ZONE 'UTC', v_time),
                       'changed_at', to_char(r.changed_at AT TIME ZONE 'UTC', v_time)) END)
                     ORDER BY p.received_at, p.payment_ref)
            FROM payment p
            LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
            WHERE p.order_no = o.order_no AND p.sale = p_sale) AS payments
    FROM orders o
    WHERE o.sale = p_sale
    ORDER BY o.order_no;
  RETURN p_cursor;
END
$routine$;

ALTER FUNCTION :schema.export_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.export_orders IS
  'Opens a cursor over the orders of a sale with their payments and refunds';
REVOKE ALL ON FUNCTION :schema.export_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.export_orders TO flashsale_ops;
