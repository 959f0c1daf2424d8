-- request_letters: returns what operators did with the dead letters that had a request.
--
-- Parameters: p_request_id
-- Result: one row for each time, oldest first, at most 100
--   action   replayed (back to the orders queue) or refused
--   cause    why no worker could decide it
--   reason   of a refusal: what the shopper was told
-- Tables: reads dead_letter: all of its rows, which are few
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.request_letters(p_request_id uuid)
RETURNS TABLE (handled_at timestamptz, handled_by text, action text, cause text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT d.handled_at, d.handled_by, d.action, d.cause, d.reason
  FROM dead_letter d WHERE p_request_id = ANY (d.request_ids)
  ORDER BY d.dead_letter_no LIMIT 100
$routine$;

ALTER FUNCTION :schema.request_letters OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.request_letters IS
  'What operators did with the dead letters that had a request';
REVOKE ALL ON FUNCTION :schema.request_letters FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.request_letters TO flashsale_ops, flashsale_console;
