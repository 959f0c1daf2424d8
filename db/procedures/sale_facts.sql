-- sale_facts: returns what this server knows of a sale, for a comparison with a sale file.
--
-- Parameters: p_sale
-- Result: one row; no row if this server does not have the sale
--   has_opened     a ticket key exists, so shoppers may have tickets. Only the server of regular has keys
--   is_called_off  somebody has called the sale off here: its SKUs are closed for good
--   secret_sha256  the hash of the lottery secret, to compare two servers
-- Tables: reads catalog.sale, catalog.ticket_key
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.sale_facts(p_sale text)
RETURNS TABLE (
  title text, opens_at timestamptz, closes_at timestamptz, pay_window interval, presentation jsonb,
  has_opened boolean, is_called_off boolean, secret_sha256 text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT s.title, s.opens_at, s.closes_at, s.pay_window, s.presentation,
         EXISTS (SELECT FROM catalog.ticket_key t WHERE t.sale = s.sale),
         s.called_off_at IS NOT NULL, encode(sha256(s.lottery_secret), 'hex')
  FROM catalog.sale s
  WHERE s.sale = p_sale
$routine$;

ALTER FUNCTION catalog.sale_facts OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sale_facts IS 'What this server knows of a sale, to compare it with a sale file';
REVOKE ALL ON FUNCTION catalog.sale_facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.sale_facts TO flashsale_ops, flashsale_readonly, flashsale_console;
