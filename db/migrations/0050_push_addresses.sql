-- Finds who else is told at a browser (db/procedures/add_notice_contact.sql).

SET LOCAL ROLE flashsale_owner;

CREATE INDEX notice_contact_push ON catalog.notice_contact USING hash (address) WHERE channel = 'push';

RESET ROLE;
