-- Amounts of every currency, what a currency allows, and what is told of money that goes back.
--
-- No table that grows is rewritten or read: numeric without a scale holds what numeric(14, 2) held, a new
-- column without a default is a change of the catalogue, and the new CHECKs allow all that the old ones did
-- (NOT VALID). All tables are locked first, in the order in which the routines lock them, each within the
-- lock timeout: place_orders reads sku_terms before orders, cancel_order reads sku after them.

SET LOCAL ROLE flashsale_owner;

LOCK TABLE catalog.sku_terms, regular.orders, hot.orders, regular.payment, hot.payment,
  regular.event, hot.event, regular.outbox, hot.outbox, catalog.sku, catalog.sale,
  catalog.tunable, catalog.canary, catalog.webhook_endpoint IN ACCESS EXCLUSIVE MODE;

CREATE TABLE catalog.currency (
  currency     text COLLATE "C" PRIMARY KEY CHECK (currency ~ '^[A-Z]{3}$'),
  minor_digits int NOT NULL CHECK (minor_digits BETWEEN 0 AND 4),
  pay_least    numeric CHECK (pay_least > 0),
  pay_step     numeric CHECK (pay_step > 0),
  pay_most     numeric CHECK (pay_most >= pay_least),
  CHECK (num_nulls(pay_least, pay_step, pay_most) IN (0, 3))
);
COMMENT ON TABLE catalog.currency IS
  'Copy of the rule of contracts/money.ts: the installer writes it; change that file, not this table';
COMMENT ON COLUMN catalog.currency.currency IS 'ISO 4217';
COMMENT ON COLUMN catalog.currency.minor_digits IS 'Digits after the point, by ISO 4217';
COMMENT ON COLUMN catalog.currency.pay_least IS
  'The smallest payment that every provider takes; NULL, as the next two: some provider takes none';
COMMENT ON COLUMN catalog.currency.pay_step IS 'Payments are multiples of this';
COMMENT ON COLUMN catalog.currency.pay_most IS 'The largest payment that every provider takes';

-- A column that a trigger names cannot change its type. The installer makes the trigger again.
DROP FUNCTION IF EXISTS catalog.refresh_sku_terms() CASCADE;
ALTER TABLE catalog.sku ALTER COLUMN price TYPE numeric;
ALTER TABLE catalog.sku_terms ALTER COLUMN price TYPE numeric;
ALTER TABLE catalog.webhook_endpoint DROP CONSTRAINT webhook_endpoint_kinds_check;
ALTER TABLE catalog.webhook_endpoint ADD CONSTRAINT webhook_endpoint_kinds_check CHECK (
  cardinality(kinds) > 0
  AND kinds <@ ARRAY['placed', 'paid', 'cancelled', 'expired', 'refund_due', 'refunded']);

DO $$
DECLARE
  v_schema text;
  v_table  text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);

    ALTER TABLE orders ALTER COLUMN amount TYPE numeric;
    ALTER TABLE payment ADD COLUMN amount numeric, ADD COLUMN currency text;
    COMMENT ON COLUMN payment.amount IS 'What came; NULL: as much as the order costs';
    COMMENT ON COLUMN payment.currency IS 'NULL: that of the order';
    FOREACH v_table IN ARRAY ARRAY['outbox', 'event'] LOOP
      EXECUTE format('ALTER TABLE %I ADD COLUMN payment_ref text COLLATE "C"', v_table);
      EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I', v_table, v_table || '_kind_check');
      EXECUTE format($sql$ALTER TABLE %1$I ADD CONSTRAINT %2$I CHECK (
        kind IN ('placed', 'paid', 'cancelled', 'expired', 'refund_due', 'refunded')) NOT VALID$sql$,
        v_table, v_table || '_kind_check');
      EXECUTE format(
        'COMMENT ON COLUMN %I.payment_ref IS %L', v_table, 'Of refund_due and refunded: the payment');
    END LOOP;

    -- Orders that cost nothing were never paid: nobody could.
    WITH free AS (
      UPDATE orders o SET status = 'paid', changed_at = now()
      WHERE o.status = 'ordered' AND o.amount = 0 RETURNING o.sale, o.sku, o.order_no
    )
    INSERT INTO outbox (kind, sale, sku, order_nos)
    SELECT 'paid', f.sale, f.sku, array_agg(f.order_no) FROM free f GROUP BY f.sale, f.sku;

    -- Who is owed money still has not been told.
    INSERT INTO outbox (kind, sale, sku, order_nos, payment_ref)
    SELECT 'refund_due', o.sale, o.sku, ARRAY[o.order_no], p.payment_ref
    FROM payment p JOIN orders o ON o.order_no = p.order_no AND o.sale = p.sale
    WHERE p.result = 'refund_due' AND NOT EXISTS (
      SELECT FROM refund r
      WHERE r.payment_ref = p.payment_ref AND r.sale = p.sale AND r.state = 'done');
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

-- They say more now: the installer makes them again.
DROP FUNCTION IF EXISTS regular.order_details(bigint), hot.order_details(bigint),
  regular.user_orders(text, int, timestamptz), hot.user_orders(text, int, timestamptz),
  regular.request_outcomes(uuid[]), hot.request_outcomes(uuid[]),
  regular.waiting_entries(text[], text[]), hot.waiting_entries(text[], text[]),
  regular.refuse_payment(bigint, text), hot.refuse_payment(bigint, text),
  regular.pay_order(bigint, text), hot.pay_order(bigint, text),
  regular.lend_units(text, text, int, bigint, text), hot.lend_units(text, text, int, bigint, text),
  regular.outbox_batch(text, int), hot.outbox_batch(text, int),
  regular.take_webhooks(text, text[], timestamptz, int, interval, int, int, boolean),
  hot.take_webhooks(text, text[], timestamptz, int, interval, int, int, boolean);

RESET ROLE;
