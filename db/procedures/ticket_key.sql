-- ticket_key: the key that signs the purchase tickets of a sale. It does not exist before the sale
-- opens, by the database's clock, so nobody can know a purchase URL earlier. The first call after
-- that makes it.
--
-- Parameters: p_sale
-- Result: 32 bytes; NULL before the sale opens and for a sale that does not exist
-- Tables: reads catalog.sale; writes catalog.ticket_key
-- Locks: the key of catalog.ticket_key, on the first call
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.ticket_key(p_sale text) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_key bytea;
BEGIN
  SELECT t.key INTO v_key
  FROM catalog.ticket_key t JOIN catalog.sale s ON s.sale = t.sale
  WHERE t.sale = p_sale AND s.opens_at <= clock_timestamp();
  IF FOUND THEN RETURN v_key; END IF;

  -- A random UUID has 122 bits of the strong generator: three of them, hashed to 256.
  INSERT INTO catalog.ticket_key (sale, key)
  SELECT s.sale, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                        || uuid_send(gen_random_uuid()))
  FROM catalog.sale s WHERE s.sale = p_sale AND s.opens_at <= clock_timestamp()
  ON CONFLICT (sale) DO NOTHING;

  SELECT t.key INTO v_key
  FROM catalog.ticket_key t JOIN catalog.sale s ON s.sale = t.sale
  WHERE t.sale = p_sale AND s.opens_at <= clock_timestamp();
  RETURN v_key;
END
$routine$;

ALTER FUNCTION catalog.ticket_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.ticket_key IS
  'The key that signs tickets of a sale; NULL before it opens';
REVOKE ALL ON FUNCTION catalog.ticket_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_key
  TO flashsale_web;
