-- lottery_rank: a user's rank in the lottery of a sale, as contracts/lottery.ts and the lottery's page
-- compute it: the first 48 bits of HMAC-SHA-256(secret of the sale, user) as a share of all such
-- numbers. Part of join_waiting and audit; not to be called alone before the sale has closed.
--
-- Parameters: p_sale, p_user_id
-- Result: 0 ≤ rank < 1; NULL for a sale that does not exist
-- Tables: reads catalog.sale
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.lottery_rank(p_sale text, p_user_id text)
RETURNS double precision
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_inner  bytea;
  v_outer  bytea;
  v_digest bytea;
BEGIN
  -- RFC 2104, with the key of 32 bytes filled up to a block of 64. (pgcrypto has hmac(), but is an
  -- extension that not every server offers.)
  SELECT s.lottery_secret || decode(repeat('00', 32), 'hex') INTO v_inner
  FROM catalog.sale s WHERE s.sale = p_sale;
  IF NOT FOUND THEN RETURN NULL; END IF;
  v_outer := v_inner;
  FOR i IN 0 .. 63 LOOP
    v_inner := set_byte(v_inner, i, get_byte(v_inner, i) # 54);
    v_outer := set_byte(v_outer, i, get_byte(v_outer, i) # 92);
  END LOOP;
  v_digest := sha256(v_outer || sha256(v_inner || convert_to(p_user_id, 'UTF8')));
  RETURN ('x' || encode(substring(v_digest FROM 1 FOR 6), 'hex'))::bit(48)::bigint / 2 ^ 48::float8;
END
$routine$;

ALTER FUNCTION catalog.lottery_rank OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.lottery_rank IS
  'A user''s rank in the lottery of a sale: part of join_waiting';
REVOKE ALL ON FUNCTION catalog.lottery_rank FROM PUBLIC;
