-- The exact searches of the audit are told where to look: the installer makes them again.

SET LOCAL ROLE flashsale_owner;

DROP FUNCTION IF EXISTS regular.event_books();
DROP FUNCTION IF EXISTS hot.event_books();

RESET ROLE;
