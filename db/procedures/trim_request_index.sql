-- trim_request_index: removes entries of sales that no longer count: those that closed longer than the tunable
-- request_memory_s ago. At most 10,000 of them a call. Workers call it from time to time.
--
-- Parameters: none
-- Result: the number of entries that were removed
-- Tables: reads catalog.sale, catalog.tunable; writes request_index
-- Locks: the entries (SKIP LOCKED). No order waits for them
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.trim_request_index() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- Nearly always there is nothing to remove, and the entries of sales that run are not read to find that out.
SET enable_seqscan = off
AS $routine$
  WITH old AS MATERIALIZED (
    SELECT e.ctid FROM catalog.sale s
    CROSS JOIN LATERAL (
      SELECT i.ctid FROM request_index i WHERE i.sale = s.sale LIMIT 10000 FOR UPDATE SKIP LOCKED) e
    WHERE s.has_request_index AND s.closes_at + catalog.tunable('request_memory_s') * interval '1 s' <= now()
    LIMIT 10000
  ), gone AS (
    DELETE FROM request_index i USING old o WHERE i.ctid = o.ctid RETURNING 1
  )
  SELECT count(*) FROM gone
$routine$;

ALTER FUNCTION :schema.trim_request_index OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.trim_request_index IS
  'Removes entries of request_index whose sales no longer count';
REVOKE ALL ON FUNCTION :schema.trim_request_index FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.trim_request_index TO flashsale_worker, flashsale_ops;
