-- outbox_batch: takes order events that are to be published, oldest first. Whoever takes them has
-- the time of the tunable outbox_lease_ms to publish and then call outbox_done; after that another
-- may take them, so an event arrives at least once.
--
-- Parameters: p_limit, events at the most (an event may hold a whole batch of orders)
-- Result: one row for each order of the events taken
--   event_no; kind placed, paid, cancelled or expired; happened_at; the order
-- Tables: reads catalog.tunable, orders; writes outbox
-- Locks: outbox rows (SKIP LOCKED); nothing is held while the events are published, because an open
--   transaction keeps dead rows of the slots alive
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.outbox_batch(p_limit int)
RETURNS TABLE (
  event_no bigint, kind text, happened_at timestamptz, order_no bigint, request_id uuid,
  sale text, sku text, user_id text, units int, amount numeric, currency text,
  pay_before timestamptz
)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH oldest AS MATERIALIZED (
    SELECT x.event_no FROM outbox x
    WHERE x.taken_until IS NULL OR x.taken_until < now()
    ORDER BY x.event_no LIMIT p_limit
    FOR UPDATE SKIP LOCKED
  ), taken AS (
    UPDATE outbox x
    SET taken_until = now() + catalog.tunable('outbox_lease_ms') * interval '1 ms'
    FROM oldest t WHERE x.event_no = t.event_no
    RETURNING x.event_no, x.kind, x.happened_at, x.sale, x.order_nos
  )
  SELECT t.event_no, t.kind, t.happened_at, o.order_no, o.request_id, o.sale, o.sku, o.user_id,
         o.units, o.amount, o.currency, o.pay_before
  FROM taken t
  CROSS JOIN LATERAL unnest(t.order_nos) AS n (order_no)
  JOIN orders o ON o.order_no = n.order_no AND o.sale = t.sale
  ORDER BY t.event_no, o.order_no
$routine$;

ALTER FUNCTION :schema.outbox_batch OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.outbox_batch IS
  'Takes order events to publish; call outbox_done when the broker has confirmed them';
REVOKE ALL ON FUNCTION :schema.outbox_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.outbox_batch
  TO flashsale_worker;
