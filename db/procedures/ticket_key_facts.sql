-- ticket_key_facts: returns the ticket keys of a sale without their bytes, which only web nodes may know.
--
-- Parameters: p_sale
-- Result: one row for each key, oldest first; retired_at is when the next key was made
-- Tables: reads catalog.ticket_key
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.ticket_key_facts(p_sale text)
RETURNS TABLE (id int, created_at timestamptz, retired_at timestamptz, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT t.id, t.created_at, lead(t.created_at) OVER (ORDER BY t.id), t.revoked_at
  FROM ticket_key t WHERE t.sale = p_sale ORDER BY t.id
$routine$;

ALTER FUNCTION catalog.ticket_key_facts OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.ticket_key_facts IS 'The ticket keys of a sale, without their bytes';
REVOKE ALL ON FUNCTION catalog.ticket_key_facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.ticket_key_facts
  TO flashsale_ops, flashsale_readonly;
