-- queue_refund: makes the row of a refund as soon as a payment has to go back, so that take_refunds finds it by
-- an index. It is a trigger of payment, so it covers every way in which money becomes due.
--
-- Parameters: none
-- Result: none (a trigger: of the row for a payment that is booked, of the statement for payments that change)
-- Tables: writes refund
-- Locks: the key of the refund row; the caller holds the payment row
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.queue_refund() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO refund (payment_ref, sale, order_no) VALUES (NEW.payment_ref, NEW.sale, NEW.order_no)
    ON CONFLICT (payment_ref, sale) DO NOTHING;
  ELSE
    INSERT INTO refund (payment_ref, sale, order_no)
    SELECT c.payment_ref, c.sale, c.order_no FROM changed c
    WHERE c.result = 'refund_due' ORDER BY c.payment_ref
    ON CONFLICT (payment_ref, sale) DO NOTHING;
  END IF;
  RETURN NULL;
END
$routine$;

ALTER FUNCTION :schema.queue_refund OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.queue_refund IS
  'Trigger: makes the row of the refund of a payment that has to go back';
REVOKE ALL ON FUNCTION :schema.queue_refund FROM PUBLIC;

-- Payments are booked one by one, and most of them pay their orders.
CREATE OR REPLACE TRIGGER queue_refund
  AFTER INSERT ON :schema.payment
  FOR EACH ROW WHEN (NEW.result = 'refund_due') EXECUTE FUNCTION :schema.queue_refund();

-- A sale that is called off changes many at once.
CREATE OR REPLACE TRIGGER queue_refunds
  AFTER UPDATE ON :schema.payment
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION :schema.queue_refund();

-- Payments that became due before there was this trigger. Creating it has locked the table, so none is missed.
INSERT INTO :schema.refund (payment_ref, sale, order_no)
SELECT p.payment_ref, p.sale, p.order_no FROM :schema.payment p
WHERE p.result = 'refund_due'
  AND NOT EXISTS (SELECT FROM :schema.refund r WHERE r.payment_ref = p.payment_ref AND r.sale = p.sale)
ORDER BY coalesce(p.due_at, p.received_at)
ON CONFLICT (payment_ref, sale) DO NOTHING;
