-- ticket_key: returns the key that signs the purchase tickets of a sale now. See ticket_keys.
--
-- Parameters: p_sale
-- Result: 32 bytes; NULL if the sale has not opened or does not exist
-- Tables: as in ticket_keys
-- Locks: as in ticket_keys
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.ticket_key(p_sale text) RETURNS bytea
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT k.key FROM ticket_keys(p_sale) k WHERE k.revoked_at IS NULL ORDER BY k.id DESC LIMIT 1
$routine$;

ALTER FUNCTION catalog.ticket_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.ticket_key IS
  'The key that signs the tickets of a sale now; NULL before the sale opens';
REVOKE ALL ON FUNCTION catalog.ticket_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_key
  TO flashsale_web;
