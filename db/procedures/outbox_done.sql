-- outbox_done: moves order events that the broker has confirmed from the outbox to the log.
--
-- Parameters: p_event_nos, event numbers that outbox_batch returned, from the oldest on and without a gap
-- Result: the number of outbox rows that were moved
-- Tables: locks outbox_relay; writes outbox, event
-- Locks, in order: the outbox_relay row, so that positions in the log become visible in their order; the
--   outbox rows
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.outbox_done(p_event_nos bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_moved bigint;
BEGIN
  PERFORM FROM outbox_relay FOR UPDATE;
  WITH gone AS (
    DELETE FROM outbox x WHERE x.event_no = ANY (p_event_nos)
    RETURNING x.event_no, x.kind, x.sale, x.sku, x.order_nos, x.happened_at,
              x.payment_ref
  ), logged AS (
    INSERT INTO event (sale, event_no, kind, sku, order_nos, happened_at, payment_ref)
    SELECT g.sale, g.event_no, g.kind, g.sku, g.order_nos, g.happened_at, g.payment_ref
    FROM gone g ORDER BY g.event_no
    RETURNING 1
  )
  SELECT count(*) INTO v_moved FROM logged;
  RETURN v_moved;
END
$routine$;

ALTER FUNCTION :schema.outbox_done OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.outbox_done IS
  'Moves order events that the broker has confirmed to the log';
REVOKE ALL ON FUNCTION :schema.outbox_done FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.outbox_done
  TO flashsale_worker;
