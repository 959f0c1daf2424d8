-- trim_place_calls: removes figures of place_orders that are older than the tunable call_figures_keep_s.
-- Workers call it from time to time.
--
-- Parameters: none
-- Result: the number of rows that were removed
-- Tables: reads catalog.tunable; writes place_call
-- Locks: the place_call rows (SKIP LOCKED). No order waits for them
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.trim_place_calls() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH old AS MATERIALIZED (
    SELECT c.ctid FROM place_call c
    WHERE c.called_at < now() - catalog.tunable('call_figures_keep_s') * interval '1 s'
    FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM place_call c USING old o WHERE c.ctid = o.ctid RETURNING 1
  )
  SELECT count(*) FROM gone
$routine$;

ALTER FUNCTION :schema.trim_place_calls OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.trim_place_calls IS
  'Removes old figures of place_orders';
REVOKE ALL ON FUNCTION :schema.trim_place_calls FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.trim_place_calls TO flashsale_worker, flashsale_ops;
