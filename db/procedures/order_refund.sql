-- order_refund: returns what became of the money that was paid for an order and has to go back, because it
-- came too late, twice or with another amount, or because the shop cancelled the paid order. Part of the routines that return orders; not to be called
-- alone.
--
-- Parameters: p_order_no, p_sale; p_amount and p_currency of the order, for payments without their own
-- Result: {status, amount, currency, at}; NULL if no money has to go back
--   status    due until all of the money was given back, then done
--   amount    all of the money, as text
--   currency  its currency. If money came in several currencies, only one is returned: one that is still
--             due comes first
--   at        when the last of the money was given back; null while status is due
-- Tables: reads payment, refund
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_refund(
  p_order_no bigint, p_sale text, p_amount numeric, p_currency text
) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  RETURN (
    SELECT json_build_object(
             'status', CASE WHEN bool_and(coalesce(r.state = 'done', false)) THEN 'done' ELSE 'due' END,
             'amount', sum(coalesce(p.amount, p_amount))::text,
             'currency', coalesce(p.currency, p_currency),
             'at', CASE WHEN bool_and(coalesce(r.state = 'done', false)) THEN max(r.changed_at) END)
    FROM payment p
    LEFT JOIN refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
    WHERE p.order_no = p_order_no AND p.sale = p_sale AND p.result = 'refund_due'
    GROUP BY coalesce(p.currency, p_currency)
    ORDER BY bool_and(coalesce(r.state = 'done', false)), max(p.received_at) DESC
    LIMIT 1);
END
$routine$;

ALTER FUNCTION :schema.order_refund OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_refund IS
  'What became of money that has to go back: part of the routines that return orders';
REVOKE ALL ON FUNCTION :schema.order_refund FROM PUBLIC;
