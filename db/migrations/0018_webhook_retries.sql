-- Events that failed before are taken by a loop of their own: the installer makes the routine again.

SET LOCAL ROLE flashsale_owner;

DROP FUNCTION IF EXISTS regular.take_webhooks(text, text[], timestamptz, int, interval, int, int);
DROP FUNCTION IF EXISTS hot.take_webhooks(text, text[], timestamptz, int, interval, int, int);

RESET ROLE;
