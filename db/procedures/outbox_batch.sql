-- outbox_batch: returns the oldest order events, to be published by the one relay of this schema. Rows are not
-- marked: until outbox_done has moved them to the log, each relay that takes over reads them again. So each
-- relay publishes the remaining events from the oldest on, without a gap. Whatever several relays do at the
-- same time, the first copy of an event of an order never comes before the first copy of an earlier event
-- of that order. Further copies have the same id.
--
-- Events that have left the outbox are not passed again, also if a snapshot keeps them. An event gets its number in a
-- transaction that has written before, so it has a transaction number already. When all transactions up to that of a
-- prolonged lease have ended, every event up to the last number of that time is visible, or will never be.
--
-- Parameters
--   p_relay  a name that no other caller has
--   p_limit  the largest number of outbox rows (each may hold a whole batch of orders); 0 gives up the lease
-- Result: one row for each order of the events, oldest first within a sale; no rows while another relay has the lease
--   event_no     the number of the event
--   kind         placed, paid, cancelled, expired, refund_due or refunded
--   happened_at  when it happened
--   order_no to pay_before  the order
--   payment_ref, refund_amount, refund_currency  for refund_due and refunded: the payment, and the money
--                that came with it and goes back
-- Tables: reads catalog.tunable, outbox, orders, payment; writes outbox_relay
-- Locks: the outbox_relay row. Nothing is locked while the events are published, because an open
--   transaction keeps dead rows of the slots alive
-- Errors: FS001 p_relay is NULL or empty

CREATE OR REPLACE FUNCTION :schema.outbox_batch(p_relay text, p_limit int)
RETURNS TABLE (
  event_no bigint, kind text, happened_at timestamptz, order_no bigint, request_id uuid,
  sale text, sku text, user_id text, units int, amount numeric, currency text,
  created_at timestamptz, pay_before timestamptz, payment_ref text, refund_amount numeric,
  refund_currency text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
AS $routine$
#variable_conflict use_column
DECLARE
  v_lease interval := catalog.tunable('outbox_lease_ms') * interval '1 ms';
  v_relay outbox_relay%ROWTYPE;
  v_seen  bigint;  -- the last event number
  v_gone  bigint;
  v_last  bigint;
  v_sales text[];
  v_sale  text;
BEGIN
  IF coalesce(p_relay, '') = '' THEN
    RAISE EXCEPTION 'outbox_batch takes the name of a relay' USING ERRCODE = 'FS001';
  END IF;
  IF p_limit = 0 THEN
    UPDATE outbox_relay r SET leased_until = '-infinity' WHERE r.relay = p_relay;
    RETURN;
  END IF;
  -- Most calls change nothing here: another relay has the lease, or the caller's lease lasts long enough.
  SELECT * INTO v_relay FROM outbox_relay;
  IF v_relay.relay <> p_relay AND v_relay.leased_until > now() THEN RETURN; END IF;
  v_gone := v_relay.gone_until;
  IF v_relay.relay <> p_relay OR v_relay.leased_until < now() + v_lease / 2 THEN
    -- The number is read before this transaction gets its own number, which is then higher than those of all
    -- transactions that have an event up to it. (A SELECT from the sequence may read one that nextval has not given out.)
    IF pg_current_xact_id_if_assigned() IS NULL THEN v_seen := pg_sequence_last_value('event_no'); END IF;
    UPDATE outbox_relay r
    SET relay = p_relay, leased_until = now() + v_lease, seen_no = v_seen, seen_xid = pg_current_xact_id(),
        gone_until = CASE
          WHEN r.relay <> p_relay THEN 0
          WHEN r.seen_no IS NOT NULL AND r.seen_xid < pg_snapshot_xmin(pg_current_snapshot()) THEN
            least(r.seen_no, (SELECT min(o.event_no) - 1 FROM outbox o WHERE o.event_no > r.gone_until))
          ELSE r.gone_until END
    WHERE r.relay = p_relay OR r.leased_until <= now()
    RETURNING r.gone_until INTO v_gone;
    IF NOT FOUND THEN RETURN; END IF;
  END IF;

  -- Sale by sale, because a statement that knows its sale opens the tables of this sale only. Orders and payments are
  -- looked up for each event: the plan is kept, and must not read all of them because it was made when there were few.
  SELECT max(b.event_no), array_agg(DISTINCT b.sale) INTO v_last, v_sales
  FROM (SELECT o.event_no, o.sale FROM outbox o WHERE o.event_no > v_gone ORDER BY o.event_no LIMIT p_limit) b;
  FOREACH v_sale IN ARRAY coalesce(v_sales, '{}') LOOP
    RETURN QUERY
      SELECT x.event_no, x.kind, x.happened_at, o.order_no, o.request_id, o.sale, o.sku, o.user_id,
             o.units, o.amount, o.currency, o.created_at, o.pay_before, x.payment_ref,
             coalesce(p.amount, o.amount), coalesce(p.currency, o.currency)
      FROM outbox x
      CROSS JOIN LATERAL (
        -- OFFSET 0 keeps it a question for each event.
        SELECT * FROM orders r WHERE r.sale = v_sale AND r.order_no = ANY (x.order_nos) OFFSET 0) o
      LEFT JOIN LATERAL (
        SELECT y.amount, y.currency FROM payment y
        WHERE y.sale = v_sale AND y.payment_ref = x.payment_ref LIMIT 1) p ON true
      WHERE x.sale = v_sale AND x.event_no > v_gone AND x.event_no <= v_last
      ORDER BY x.event_no, o.order_no;
  END LOOP;
END
$routine$;

ALTER FUNCTION :schema.outbox_batch OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.outbox_batch IS
  'Order events to publish, for one relay at a time; call outbox_done once they are confirmed';
REVOKE ALL ON FUNCTION :schema.outbox_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.outbox_batch
  TO flashsale_worker;
