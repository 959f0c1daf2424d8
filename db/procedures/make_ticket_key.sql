-- make_ticket_key: makes a ticket key of a sale, unless another session has made the key with that id. Part
-- of ticket_keys and rotate_ticket_key.
--
-- Parameters
--   p_sale  the sale, which has opened
--   p_id    the id of the key: one more than the newest
-- Result: none
-- Tables: writes catalog.ticket_key
-- Locks: the key (p_sale, p_id) of catalog.ticket_key: of several callers at once, one makes the key
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.make_ticket_key(p_sale text, p_id int) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  -- A random UUID has 122 bits of the strong random generator. Three UUIDs are hashed to 256 bits.
  INSERT INTO ticket_key (sale, id, key, created_at)
  SELECT p_sale, p_id, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                              || uuid_send(gen_random_uuid())), clock_timestamp()
  ON CONFLICT (sale, id) DO NOTHING
$routine$;

ALTER FUNCTION catalog.make_ticket_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.make_ticket_key IS
  'Makes the ticket key of a sale with that id, once';
REVOKE ALL ON FUNCTION catalog.make_ticket_key FROM PUBLIC;
