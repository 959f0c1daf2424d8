-- public_door_key: returns the public key with which a door checks the codes of a sale. It can make none.
--
-- Parameters: p_sale
-- Result: 32 bytes; NULL while no web node knows the sale, or if it has no numbered goods
-- Tables: reads catalog.door_key
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.public_door_key(p_sale text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT d.public FROM door_key d WHERE d.sale = p_sale
$routine$;

ALTER FUNCTION catalog.public_door_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.public_door_key IS 'The public key with which a door checks the codes of a sale';
REVOKE ALL ON FUNCTION catalog.public_door_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.public_door_key TO flashsale_ops;
