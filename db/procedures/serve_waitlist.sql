-- serve_waitlist: gives units that an order gave up to the waitlist of the SKU, in the transaction of that
-- order. Each served place gets an unpaid order, or a paid one if the SKU costs nothing. If the order is not
-- paid within claim_window_s, it expires, and its units go to the next place. A sale may have a longer
-- claim_window, so that somebody who is not looking can answer. Such a claim ends when the sale closes at the
-- latest, because nobody is served after that and the units would stay unsold. The units are never free, so
-- nobody else can be admitted for them, and no slot is touched. Part of put_units; do not call it alone.
--
-- Parameters
--   p_sale, p_sku  the SKU. The caller holds its advisory lock, shared
--   p_units        the units, 1 or more
--   p_kind         the kind of their movement, as in put_units
-- Result: the units that went to the waitlist; the caller keeps the rest
-- Tables: reads catalog.sku, catalog.sale, catalog.tunable; writes waiting, buyer, orders, outcome,
--   outbox, stock_movement (slot 1 gets the units and sells them at once)
-- Locks, in order
--   1. the advisory lock of the SKU's waitlist, exclusively
--   2. waiting and buyer rows, only unlocked ones (SKIP LOCKED), because the caller may already hold buyer
--      rows and slots. A place whose rows are locked is passed over and stays in the waitlist
--   3. the waiting rows of the places that were passed over. Without the lock of the waitlist, only
--      leave_waitlist locks such a row, and it waits for nothing
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.serve_waitlist(
  p_sale text, p_sku text, p_units int, p_kind text
) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sku       record;
  v_now       timestamptz;
  v_left      int := p_units;
  v_seen      bigint;
  v_placed    bigint[];
  v_order_nos bigint[] := '{}';
BEGIN
  -- In most cases nobody waits. A small index shows that.
  IF NOT EXISTS (SELECT FROM waiting w
                 WHERE w.sale = p_sale AND w.sku = p_sku AND w.state = 'waiting') THEN
    RETURN 0;
  END IF;
  SELECT k.price, k.currency, k.user_limit, k.goods,
         CASE WHEN k.price = 0 THEN 'paid' ELSE 'ordered' END AS order_status,
         CASE WHEN k.price = 0 THEN '{placed,paid}' ELSE '{placed}' END::text[] AS events,
         greatest(
           now() + least(s.pay_window, s.claim_window, catalog.tunable('claim_window_s') * interval '1 s'),
           CASE WHEN s.claim_window IS NOT NULL THEN least(now() + s.claim_window, s.closes_at) END
         ) AS pay_before
  INTO v_sku
  FROM catalog.sku k JOIN catalog.sale s ON s.sale = k.sale
  WHERE k.sku = p_sku AND k.state <> 'closed' AND k.line_open AND now() < s.closes_at;
  IF NOT FOUND THEN RETURN 0; END IF;

  PERFORM pg_advisory_xact_lock(hashtext('line ' || current_schema()), hashtext(p_sku));
  v_now := clock_timestamp();
  WHILE v_left > 0 LOOP
    -- Each place gets at least one unit, so this many places are enough.
    WITH next AS MATERIALIZED (
      SELECT w.entry, w.user_id, w.claims, w.rank, least(w.units, v_sku.user_limit - b.units) AS room
      FROM waiting w
      JOIN buyer b ON b.user_id = w.user_id AND b.sku = w.sku AND b.sale = w.sale
      WHERE w.sale = p_sale AND w.sku = p_sku AND w.state = 'waiting'
      ORDER BY w.claims, w.rank, w.user_id
      LIMIT v_left
      FOR UPDATE OF w, b SKIP LOCKED
    ), share AS (
      SELECT n.entry, n.user_id, n.room,
             least(n.room, v_left - coalesce(sum(greatest(n.room, 0)) OVER (
               ORDER BY n.claims, n.rank, n.user_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::int AS units
      FROM next n
    ), served AS MATERIALIZED (
      SELECT h.entry, h.user_id, h.units, gen_random_uuid() AS request_id,
             nextval('order_no') AS order_no
      FROM share h WHERE h.units > 0
    ), ended AS (
      UPDATE waiting w SET state = 'served', ended_at = v_now, order_no = d.order_no
      FROM served d WHERE w.entry = d.entry AND w.sale = p_sale
    ), enough AS (
      -- The user has bought up to the limit in the meantime, so the place ends.
      UPDATE waiting w SET state = 'limit_reached', ended_at = v_now
      FROM share h WHERE h.room <= 0 AND w.entry = h.entry AND w.sale = p_sale
    ), credited AS (
      UPDATE buyer b SET units = b.units + d.units, claims = b.claims + 1
      FROM served d WHERE b.user_id = d.user_id AND b.sku = p_sku AND b.sale = p_sale
    ), placed AS (
      INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                          pay_before)
      SELECT d.order_no, p_sale, p_sku, d.request_id, d.user_id, d.units, d.units * v_sku.price,
             v_sku.currency, v_sku.order_status, v_sku.pay_before
      FROM served d
    ), decided AS (
      -- The request id is made here, so no other purchase has used it.
      INSERT INTO outcome (request_id, sale, sku, user_id, node, status, reason, order_no, units)
      SELECT d.request_id, p_sale, p_sku, d.user_id, 'waiting', 'ordered', 'waited', d.order_no,
             d.units
      FROM served d
    )
    SELECT (SELECT count(*) FROM next), v_left - coalesce(sum(d.units), 0),
           coalesce(array_agg(d.order_no), '{}')
    INTO v_seen, v_left, v_placed
    FROM served d;
    EXIT WHEN v_seen = 0;
    v_order_nos := v_order_nos || v_placed;
  END LOOP;
  IF v_left = p_units THEN RETURN 0; END IF;

  -- A place that still waits before a served one was passed over: another call held its rows.
  UPDATE waiting w SET passed_over_at = v_now
  WHERE w.sale = p_sale AND w.sku = p_sku AND w.state = 'waiting'
    AND (w.claims, w.rank, w.user_id) < (
      SELECT s.claims, s.rank, s.user_id FROM waiting s
      WHERE s.sale = p_sale AND s.sku = p_sku AND s.order_no = ANY (v_order_nos)
      ORDER BY s.claims DESC, s.rank DESC, s.user_id DESC LIMIT 1);

  IF v_sku.goods = 'numbered' THEN
    -- The order that gave its units up has freed their rows in this transaction, so at least these are there.
    PERFORM give_units(p_sale, p_sku, lock_units(p_sale, p_sku, 0, p_units - v_left, false),
                       array_agg(o.order_no ORDER BY o.order_no), array_agg(o.units ORDER BY o.order_no))
    FROM orders o WHERE o.sale = p_sale AND o.order_no = ANY (v_order_nos);
  END IF;
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  VALUES (p_sale, p_sku, 1, p_kind, p_units - v_left),
         (p_sale, p_sku, 1, 'sale', v_left - p_units);
  INSERT INTO outbox (kind, sale, sku, order_nos)
  SELECT unnest(v_sku.events), p_sale, p_sku, v_order_nos;
  RETURN p_units - v_left;
END
$routine$;

ALTER FUNCTION :schema.serve_waitlist OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.serve_waitlist IS
  'Gives units that come back to the waitlist: part of put_units';
REVOKE ALL ON FUNCTION :schema.serve_waitlist FROM PUBLIC;
