-- sale_lottery: returns the secret that ranks the users of a sale when requests are shed by lottery, and its
-- hash. The hash is known before the sale opens, so the shop cannot change the secret. After the sale has
-- closed the secret is public, and everyone can compute every rank. The database's clock judges both times.
--
-- Parameters: p_sale
-- Result: one row; no row if the sale does not exist
--   secret_sha256  the hash, always
--   secret         NULL before the sale opens. Until the sale closes it is for web nodes only, which rank
--                  users with it
--   is_public      whether the sale has closed and the secret may be shown to everyone
-- Tables: reads catalog.sale
-- Locks: the catalog.sale row, shared: it waits for a change_sale that moves the times
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.sale_lottery(
  p_sale text,
  OUT secret_sha256 bytea,
  OUT secret        bytea,
  OUT is_public     boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT sha256(s.lottery_secret),
         CASE WHEN s.opens_at <= clock_timestamp() THEN s.lottery_secret END,
         s.closes_at <= clock_timestamp()
  FROM catalog.sale s
  WHERE s.sale = p_sale
  FOR SHARE
$routine$;

ALTER FUNCTION catalog.sale_lottery OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sale_lottery IS
  'The lottery secret of a sale (NULL before it opens), its hash, and whether it may be shown';
REVOKE ALL ON FUNCTION catalog.sale_lottery FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.sale_lottery
  TO flashsale_web;
