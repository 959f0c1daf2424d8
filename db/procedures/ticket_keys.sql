-- ticket_keys: the keys of the purchase tickets of a sale. None exists before the sale opens, by the
-- database's clock, so nobody can know a purchase URL earlier. The first call after that makes the
-- first one; a call that finds the newest one older than the tunable ticket_key_life_ms, or revoked,
-- makes the next.
--
-- Parameters: p_sale
-- Result: the first key, which signs receipts too, and those that sign or signed within two
--   hours, longer than anything lives; no rows before the sale opens and for one that does not exist.
--   retired_at  when the next one was made; NULL for the newest
--   revoked_at  nothing that it signed is a ticket
-- Tables: reads catalog.sale, catalog.tunable; catalog.ticket_key, and writes it through
--   make_ticket_key
-- Locks: as make_ticket_key, when a key is made
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
  'The keys of tickets of a sale; makes the next one when it is due; none before the sale opens';
REVOKE ALL ON FUNCTION catalog.ticket_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_keys
  TO flashsale_web;
