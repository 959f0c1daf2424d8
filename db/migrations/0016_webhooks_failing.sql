-- Refused events no longer count as those that wait to be delivered: the routines say more, and the
-- installer makes both again.

SET LOCAL ROLE flashsale_owner;

DROP FUNCTION IF EXISTS regular.take_webhooks(text, text[], timestamptz, int, interval, int);
DROP FUNCTION IF EXISTS hot.take_webhooks(text, text[], timestamptz, int, interval, int);
DROP FUNCTION IF EXISTS regular.webhook_lag();
DROP FUNCTION IF EXISTS hot.webhook_lag();

RESET ROLE;
