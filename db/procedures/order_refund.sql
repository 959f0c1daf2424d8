-- order_refund: what has become of money that an order could not have (late, twice, of another amount).
-- Part of what is told of an order; not to be called alone.
--
-- Parameters: p_order_no, p_sale; p_amount and p_currency of the order
-- Result: {status, amount, currency, at}, or NULL if all its money was right. due until all of it was given
--   back, then done; amount, as text, is all of it; at is when the last of it was given back. Where it
--   came in several currencies, one is told: the one that is still due
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
  'What has become of money that an order could not have: part of what is told of it';
REVOKE ALL ON FUNCTION :schema.order_refund FROM PUBLIC;
