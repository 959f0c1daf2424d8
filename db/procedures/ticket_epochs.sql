-- ticket_epochs: returns a number for each sale with ticket keys. The number changes whenever the keys have
-- changed or a new key is due. Web nodes read it with the catalogue, and ask for the keys only when the
-- number is new to them.
--
-- Parameters: none
-- Result: one row for each sale that has keys: sale, epoch
-- Tables: reads catalog.ticket_key, catalog.tunable
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.ticket_epochs() RETURNS TABLE (sale text, epoch bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  RETURN QUERY
  -- A key that is due counts already: the next call of ticket_keys makes it.
  SELECT t.sale, max(t.id) + count(t.revoked_at)
                 + (max(t.created_at) + l.life <= clock_timestamp())::int
  FROM ticket_key t,
       (SELECT make_interval(secs => tunable('ticket_key_life_ms') / 1000.0) AS life) l
  GROUP BY t.sale, l.life;
END
$routine$;

ALTER FUNCTION catalog.ticket_epochs OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.ticket_epochs IS
  'A number for each sale, which changes whenever the ticket keys change';
REVOKE ALL ON FUNCTION catalog.ticket_epochs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_epochs
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly,
     flashsale_console;
