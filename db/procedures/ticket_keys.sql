-- ticket_keys: returns the keys of the purchase tickets of a sale. No key exists before the sale opens, by
-- the database's clock, so nobody can know a purchase URL earlier. The first call after that makes the
-- first key. A call that finds the newest key revoked, or older than the tunable ticket_key_life_ms, makes
-- the next.
--
-- Parameters: p_sale
-- Result: the first key, which also signs receipts, and the keys that sign now or signed within the last two
--   hours, which is longer than anything that they sign is valid. No rows if the sale has not opened or does
--   not exist
--   retired_at  when the next key was made; NULL for the newest
--   revoked_at  when the key was revoked: nothing that it signed is a ticket any more; else NULL
-- Tables: reads catalog.sale, catalog.tunable, catalog.ticket_key; writes catalog.ticket_key through
--   make_ticket_key
-- Locks, when a key is made: the catalog.sale row, shared, so that change_sale cannot move the opening
--   meanwhile; the lock of make_ticket_key
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.ticket_keys(p_sale text)
RETURNS TABLE (id int, key bytea, retired_at timestamptz, revoked_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_newest record;
  v_life   interval := make_interval(secs => tunable('ticket_key_life_ms') / 1000.0);
BEGIN
  IF NOT EXISTS (SELECT FROM sale s WHERE s.sale = p_sale AND s.opens_at <= clock_timestamp()) THEN
    RETURN;
  END IF;

  SELECT t.id, t.created_at, t.revoked_at INTO v_newest
  FROM ticket_key t WHERE t.sale = p_sale ORDER BY t.id DESC LIMIT 1;
  IF NOT FOUND OR v_newest.revoked_at IS NOT NULL
     OR v_newest.created_at + v_life <= clock_timestamp() THEN
    -- The lock waits for a change_sale under way, which may have moved the opening.
    PERFORM FROM sale s WHERE s.sale = p_sale AND s.opens_at <= clock_timestamp() FOR SHARE;
    IF NOT FOUND THEN RETURN; END IF;
    PERFORM make_ticket_key(p_sale, coalesce(v_newest.id, 0) + 1);
  END IF;

  RETURN QUERY
  SELECT k.id, k.key, k.retired_at, k.revoked_at
  FROM (SELECT t.id, t.key, t.revoked_at, lead(t.created_at) OVER (ORDER BY t.id) AS retired_at
        FROM ticket_key t WHERE t.sale = p_sale) k
  WHERE k.id = 1 OR k.retired_at IS NULL OR k.retired_at > clock_timestamp() - interval '2 hours'
  ORDER BY k.id;
END
$routine$;

ALTER FUNCTION catalog.ticket_keys OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.ticket_keys IS
  'The ticket keys of a sale; makes the next key when it is due; no keys before the sale opens';
REVOKE ALL ON FUNCTION catalog.ticket_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_keys
  TO flashsale_web;
