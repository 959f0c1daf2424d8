-- lottery_ranks: returns the ranks of users in the lottery of a sale, as contracts/lottery.ts and the
-- lottery's page compute them: the first 48 bits of HMAC-SHA-256(secret of the sale, user), divided by 2^48.
-- Part of lottery_rank and waitlist_books. Do not call it alone before the sale has closed. The two padded
-- keys are computed once a call: a user costs 2 us then, and 60 us if each row computes them.
--
-- Parameters: p_sale, p_user_ids
-- Result: one row for each user, 0 ≤ rank < 1; no rows if the sale does not exist
-- Tables: reads catalog.sale
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.lottery_ranks(p_sale text, p_user_ids text[])
RETURNS TABLE (user_id text, rank double precision)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  -- RFC 2104, with the key of 32 bytes padded to a block of 64. (pgcrypto has hmac(), but not every server
  -- offers this extension.)
  WITH pads AS MATERIALIZED (
    SELECT string_agg(set_byte('\x00', 0, get_byte(k.block, i.at) # 54), '' ORDER BY i.at) AS inside,
           string_agg(set_byte('\x00', 0, get_byte(k.block, i.at) # 92), '' ORDER BY i.at) AS outside
    FROM (SELECT s.lottery_secret || decode(repeat('00', 32), 'hex') AS block
          FROM catalog.sale s WHERE s.sale = p_sale) k
    CROSS JOIN generate_series(0, 63) AS i (at)
    HAVING count(*) > 0)
  SELECT u.user_id,
         ('x' || encode(substring(
            sha256(p.outside || sha256(p.inside || convert_to(u.user_id, 'UTF8'))) FROM 1 FOR 6), 'hex')
         )::bit(48)::bigint / 2 ^ 48::float8
  FROM pads p CROSS JOIN unnest(p_user_ids) AS u (user_id)
$routine$;

ALTER FUNCTION catalog.lottery_ranks OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.lottery_ranks IS
  'The ranks of users in the lottery of a sale: part of lottery_rank and waitlist_books';
REVOKE ALL ON FUNCTION catalog.lottery_ranks FROM PUBLIC;
