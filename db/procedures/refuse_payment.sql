-- refuse_payment: books a payment that the order cannot have in any state, because its amount or currency is
-- not that of the order. The money has to go back.
--
-- Parameters
--   p_order_no     the order that the payment is for
--   p_payment_ref  the provider's reference. The same reference again gets the same answer
--   p_amount, p_currency  the money that came and goes back. NULL (from older web nodes): the amount and
--                         currency of the order
-- Result
--   refund_due       the payment is booked, by this call or an earlier one
--   paid             the reference has paid the order before
--   reference_taken  the reference belongs to another order
--   not_found        no such order
-- Tables: reads orders; writes payment, catalog.payment_reference, outbox
-- Locks, in order: the orders row; the key of the reference
-- Errors: FS001 the reference is empty or has more than 200 characters

CREATE OR REPLACE FUNCTION :schema.refuse_payment(
  p_order_no bigint, p_payment_ref text, p_amount numeric DEFAULT NULL, p_currency text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sale text;
  v_sku  text;
BEGIN
  SELECT o.sale, o.sku INTO v_sale, v_sku FROM orders o WHERE o.order_no = p_order_no FOR UPDATE;
  IF NOT FOUND THEN RETURN 'not_found'; END IF;
  IF NOT catalog.claim_reference(p_payment_ref, v_sale, p_order_no) THEN
    RETURN 'reference_taken';
  END IF;
  INSERT INTO payment (payment_ref, sale, order_no, result, amount, currency)
  VALUES (p_payment_ref, v_sale, p_order_no, 'refund_due', p_amount, p_currency)
  ON CONFLICT (payment_ref, sale) DO NOTHING;
  IF FOUND THEN
    INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
    VALUES ('refund_due', v_sale, v_sku, ARRAY[p_order_no], p_payment_ref);
  END IF;
  RETURN (SELECT p.result FROM payment p
          WHERE p.payment_ref = p_payment_ref AND p.sale = v_sale);
END
$routine$;

ALTER FUNCTION :schema.refuse_payment OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.refuse_payment IS
  'Books a payment of a wrong amount or currency, which has to go back';
REVOKE ALL ON FUNCTION :schema.refuse_payment FROM PUBLIC;
-- Operators call it after a restore.
GRANT EXECUTE ON FUNCTION :schema.refuse_payment TO flashsale_web, flashsale_worker, flashsale_ops;
