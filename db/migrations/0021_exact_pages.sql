-- A page of a user's orders begins behind an exact order: the routine takes its number as well, and the
-- installer makes it again.

SET LOCAL ROLE flashsale_owner;

DROP FUNCTION IF EXISTS regular.user_orders(text, int, timestamptz);
DROP FUNCTION IF EXISTS hot.user_orders(text, int, timestamptz);

RESET ROLE;
