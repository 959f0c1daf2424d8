-- outbox_done: removes order events that the broker has confirmed.
--
-- Parameters: p_event_nos, as outbox_batch gave them
-- Result: how many were removed
-- Tables: writes outbox
-- Locks: the outbox rows, ascending
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.outbox_done(p_event_nos bigint[]) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH done AS MATERIALIZED (
    SELECT x.event_no FROM outbox x
    WHERE x.event_no = ANY (p_event_nos) ORDER BY x.event_no FOR UPDATE
  ), gone AS (
    DELETE FROM outbox x USING done d WHERE x.event_no = d.event_no RETURNING x.event_no
  )
  SELECT count(*) FROM gone
$routine$;

ALTER FUNCTION :schema.outbox_done OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.outbox_done IS
  'Removes order events that the broker has confirmed';
REVOKE ALL ON FUNCTION :schema.outbox_done FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.outbox_done
  TO flashsale_worker;
