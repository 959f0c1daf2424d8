-- ticket_key: the key that signs the purchase tickets of a sale now. See ticket_keys.
--
-- Parameters: p_sale
-- Result: 32 bytes; NULL before the sale opens and for a sale that does not exist
-- Tables: as ticket_keys
-- Locks: as ticket_keys
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.ticket_key(p_sale text) RETURNS bytea
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT k.key FROM ticket_keys(p_sale) k WHERE k.revoked_at IS NULL ORDER BY k.id DESC LIMIT 1
$routine$;

ALTER FUNCTION catalog.ticket_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.ticket_key IS
  'The key that signs tickets of a sale now; NULL before it opens';
REVOKE ALL ON FUNCTION catalog.ticket_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_key
  TO flashsale_web;
