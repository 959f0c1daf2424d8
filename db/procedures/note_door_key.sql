-- note_door_key: notes the public part of a sale's door key. PostgreSQL cannot compute it, so a web node does, once.
--
-- Parameters: p_sale; p_public, 32 bytes
-- Result: none. A public key that is known stays as it is
-- Tables: writes catalog.door_key
-- Locks: the door_key row
-- Errors: 23514 it does not have 32 bytes

CREATE OR REPLACE FUNCTION catalog.note_door_key(p_sale text, p_public bytea) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  UPDATE door_key d SET public = p_public WHERE d.sale = p_sale AND d.public IS NULL
$routine$;

ALTER FUNCTION catalog.note_door_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.note_door_key IS 'Notes the public part of the door key of a sale, once';
REVOKE ALL ON FUNCTION catalog.note_door_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.note_door_key TO flashsale_web;
