-- The identity of this installation. Two shops may use one account of a payment provider, and a database
-- that is made anew counts its orders from 1 again: an order number alone says nothing to a provider.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.installation (
  id      uuid NOT NULL DEFAULT gen_random_uuid(),
  made_at timestamptz NOT NULL DEFAULT now(),
  legacy_before timestamptz NOT NULL DEFAULT '-infinity',
  is_one  boolean PRIMARY KEY DEFAULT true CHECK (is_one)
);
COMMENT ON TABLE catalog.installation IS 'Who this database is to payment providers: one row';
COMMENT ON COLUMN catalog.installation.id IS
  'Goes along with every session and refund. A copy that is another shop needs another one';
COMMENT ON COLUMN catalog.installation.made_at IS 'When the database was made';
COMMENT ON COLUMN catalog.installation.legacy_before IS
  'Orders placed before then may be paid in sessions that carry no identity: the old version made them';
COMMENT ON COLUMN catalog.installation.is_one IS 'Always true: there is one row';
-- A database without orders has made no such sessions. The hour is for web nodes of the old version.
INSERT INTO catalog.installation (legacy_before)
SELECT CASE WHEN EXISTS (SELECT FROM regular.orders) OR EXISTS (SELECT FROM hot.orders)
       THEN now() + interval '1 hour' ELSE '-infinity' END;

RESET ROLE;
