-- The shop can end orders, also paid ones, and can call a sale off.
--
-- No table that grows is rewritten or read: a new column with a constant default is a change of the
-- catalogue, and the new CHECK allows what is there (NOT VALID). The tables are locked first, in the order in
-- which the routines lock them.

SET LOCAL ROLE flashsale_owner;

LOCK TABLE regular.orders, hot.orders, regular.payment, hot.payment, catalog.sale
  IN ACCESS EXCLUSIVE MODE;

ALTER TABLE catalog.sale ADD COLUMN called_off_at timestamptz;
COMMENT ON COLUMN catalog.sale.called_off_at IS
  'When the shop called the sale off: its orders are cancelled, and payments go back. NULL: it was not';

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format('ALTER TABLE %I.orders ADD COLUMN reason text COLLATE "C",
                                          ADD COLUMN was_paid boolean NOT NULL DEFAULT false', v_schema);
    EXECUTE format($sql$ALTER TABLE %I.orders ADD CONSTRAINT orders_reason_check CHECK (
      CASE status WHEN 'cancelled' THEN reason IN ('by_shop', 'called_off')
                  ELSE reason IS NULL AND NOT was_paid END) NOT VALID$sql$, v_schema);
    EXECUTE format($sql$COMMENT ON COLUMN %I.orders.reason IS %L$sql$, v_schema,
      'Why the shop cancelled it: by_shop, or called_off with its sale; NULL: the shop did not cancel it');
    EXECUTE format($sql$COMMENT ON COLUMN %I.orders.was_paid IS %L$sql$, v_schema,
      'Whether the order was paid when the shop cancelled it');
    EXECUTE format('ALTER TABLE %I.payment ADD COLUMN due_at timestamptz', v_schema);
    EXECUTE format($sql$COMMENT ON COLUMN %I.payment.due_at IS %L$sql$, v_schema,
      'When the shop cancelled the order that this payment had paid; NULL: no such thing happened');
  END LOOP;
END
$$;

-- They say more now, or have gone: the installer makes them again.
DROP FUNCTION IF EXISTS regular.order_details(bigint), hot.order_details(bigint),
  regular.user_orders(text, int, timestamptz, bigint), hot.user_orders(text, int, timestamptz, bigint),
  regular.waitlist_entries(text[], text[]), hot.waitlist_entries(text[], text[]),
  regular.order_sums(), hot.order_sums(), catalog.sale_board();

RESET ROLE;
