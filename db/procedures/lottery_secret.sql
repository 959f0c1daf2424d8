-- lottery_secret: returns the secret of a sale's lottery, for the copy of the sale on a second server.
-- Operators must keep it secret. sale_lottery() returns what everybody else may know.
--
-- Parameters: p_sale
-- Result: 32 bytes; NULL if the sale does not exist
-- Tables: reads catalog.sale
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.lottery_secret(p_sale text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT s.lottery_secret FROM catalog.sale s WHERE s.sale = p_sale
$routine$;

ALTER FUNCTION catalog.lottery_secret OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.lottery_secret IS
  'The secret of a sale''s lottery, for the copy of the sale on a second server';
REVOKE ALL ON FUNCTION catalog.lottery_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.lottery_secret TO flashsale_ops, flashsale_console;
