-- The identity of this installation. Two shops may use one account of a payment provider, and a database
-- that is made anew counts its orders from 1 again: an order number alone says nothing to a provider.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.installation (
  id      uuid NOT NULL DEFAULT gen_random_uuid(),
  made_at timestamptz NOT NULL DEFAULT now(),
  is_one  boolean PRIMARY KEY DEFAULT true CHECK (is_one)
);
COMMENT ON TABLE catalog.installation IS 'Who this database is to payment providers: one row';
COMMENT ON COLUMN catalog.installation.id IS
  'Goes along with every session and refund. A copy that is another shop needs another one';
COMMENT ON COLUMN catalog.installation.made_at IS 'When the database was made';
COMMENT ON COLUMN catalog.installation.is_one IS 'Always true: there is one row';
INSERT INTO catalog.installation DEFAULT VALUES;

RESET ROLE;
