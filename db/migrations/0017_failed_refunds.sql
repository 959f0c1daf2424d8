-- A refund may fail days after the provider has taken it: its money is due again.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE regular.refund ADD COLUMN failed_refs text[] NOT NULL DEFAULT '{}';
ALTER TABLE hot.refund ADD COLUMN failed_refs text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN regular.refund.failed_refs IS
  'The provider''s references of refunds that came to nothing, the oldest first';
COMMENT ON COLUMN hot.refund.failed_refs IS
  'The provider''s references of refunds that came to nothing, the oldest first';
-- It says one thing more: the installer makes it again.
DROP FUNCTION IF EXISTS regular.take_refunds(text, int);
DROP FUNCTION IF EXISTS hot.take_refunds(text, int);

RESET ROLE;
