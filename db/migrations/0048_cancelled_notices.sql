-- Shoppers are told that the shop cancelled their order (docs/decisions/0055-notices.md). The new CHECK allows what is there, so
-- that no row is read (NOT VALID).

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.notice DROP CONSTRAINT notice_kind_check;
ALTER TABLE catalog.notice ADD CONSTRAINT notice_kind_check CHECK (kind IN (
  'confirm', 'ordered', 'claimed', 'expiring', 'refund_due', 'refunded', 'called_off', 'cancelled')) NOT VALID;
COMMENT ON COLUMN catalog.notice.kind IS
  'confirm (asks the owner of an address), ordered, claimed (from the waitlist), expiring, refund_due, refunded, called_off or cancelled (by the shop)';

RESET ROLE;
