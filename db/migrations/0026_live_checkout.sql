-- live_checkout says more: which session it is, and when it ends. The installer makes it again.

SET LOCAL ROLE flashsale_owner;

DROP FUNCTION IF EXISTS regular.live_checkout(bigint);
DROP FUNCTION IF EXISTS hot.live_checkout(bigint);

RESET ROLE;
