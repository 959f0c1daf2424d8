-- lottery_rank: returns the rank of a user in the lottery of a sale, see lottery_ranks. Part of
-- join_waitlist. Do not call it alone before the sale has closed.
--
-- Parameters: p_sale, p_user_id
-- Result: 0 ≤ rank < 1; NULL if the sale does not exist
-- Tables: reads catalog.sale
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.lottery_rank(p_sale text, p_user_id text)
RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT r.rank FROM lottery_ranks(p_sale, ARRAY[p_user_id]) r
$routine$;

ALTER FUNCTION catalog.lottery_rank OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.lottery_rank IS
  'The rank of a user in the lottery of a sale: part of join_waitlist';
REVOKE ALL ON FUNCTION catalog.lottery_rank FROM PUBLIC;
