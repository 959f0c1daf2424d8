-- Payment providers repeat callbacks, also after the sale was dropped. The references of payments that were booked
-- outlive their sale, so that such a callback does not look like money without an order, which is refunded.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.payment_reference ADD COLUMN dropped_at timestamptz;
COMMENT ON TABLE catalog.payment_reference IS
  'The one order that each payment reference belongs to. The server of regular has the references of both schemas until their sale is dropped';
COMMENT ON COLUMN catalog.payment_reference.dropped_at IS
  'When the sale was dropped; the payment had been booked in this database. Otherwise NULL';

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('dropped_payments_keep_s', 7776000, 2592000, 315360000,
   'drop_sale keeps the references of booked payments this long, and removes older ones when it is next called');

RESET ROLE;
