-- door_key: returns the key that signs the codes of a sale's numbered units. The first call makes it. Web nodes call it
-- as soon as they know the sale, on the server of regular.
--
-- Parameters: p_sale
-- Result: one row; no row if the sale has no numbered goods or does not exist
--   seed    the 32 bytes that an Ed25519 key is made of
--   public  the public key; NULL if no web node has told it yet (note_door_key)
-- Tables: reads catalog.sku, catalog.section; reads and writes catalog.door_key
-- Locks, when the key is made: the key p_sale of catalog.door_key, so that of several callers at once one makes it
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.door_key(p_sale text) RETURNS TABLE (seed bytea, public bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM door_key d WHERE d.sale = p_sale) THEN
    -- A random UUID has 122 bits of the strong random generator. Three UUIDs are hashed to 256 bits.
    INSERT INTO door_key (sale, seed)
    SELECT DISTINCT k.sale, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                   || uuid_send(gen_random_uuid()))
    FROM sku k JOIN section s ON s.sku = k.sku WHERE k.sale = p_sale LIMIT 1
    ON CONFLICT (sale) DO NOTHING;
  END IF;
  RETURN QUERY SELECT d.seed, d.public FROM door_key d WHERE d.sale = p_sale;
END
$routine$;

ALTER FUNCTION catalog.door_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.door_key IS 'The key that signs the codes of the numbered units of a sale; made once';
REVOKE ALL ON FUNCTION catalog.door_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.door_key TO flashsale_web;
