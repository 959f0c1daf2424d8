-- serve_waitlist: units that an order gives up go to those who wait, in the transaction in which they
-- come back. An unpaid order is made for each, or a paid one if it costs nothing; if it is not paid within
-- claim_window_s, it expires, and the next one is served. The units are free at no instant, so nobody else can be admitted for
-- them: no slot is touched. Part of put_units; not to be called alone.
--
-- Parameters: p_sale, p_sku; p_units, more than 0; p_kind, how put_units would book them. The caller
--   holds the SKU's advisory lock, shared
-- Result: units that were handed out; the rest is the caller's
-- Tables: reads catalog.sku, catalog.sale, catalog.tunable; writes waiting, buyer, orders, outcome,
--   outbox, stock_movement (slot 1 gets them and gives them away at once)
-- Locks, in order: the advisory lock of the SKU's line, exclusively; waiting and buyer rows, only
--   those that nobody holds (SKIP LOCKED), because the caller may hold buyer rows and slots already.
--   Who is passed over for that keeps the place; the waiting rows of those are locked last. Others
--   than the holder of the line hold such a row in leave_waitlist only, which waits for nothing
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
  -- Mostly nobody waits: one look at a small index.
  IF NOT EXISTS (SELECT FROM waiting w
                 WHERE w.sale = p_sale AND w.sku = p_sku AND w.state = 'waiting') THEN
    RETURN 0;
  END IF;
  SELECT k.price, k.currency, k.user_limit,
         CASE WHEN k.price = 0 THEN 'paid' ELSE 'ordered' END AS order_status,
         CASE WHEN k.price = 0 THEN '{placed,paid}' ELSE '{placed}' END::text[] AS events,
         now() + least(s.pay_window, catalog.tunable('claim_window_s') * interval '1 s')
           AS pay_before
  INTO v_sku
  FROM catalog.sku k JOIN catalog.sale s ON s.sale = k.sale
  WHERE k.sku = p_sku AND k.state <> 'closed' AND k.line_open AND now() < s.closes_at;
  IF NOT FOUND THEN RETURN 0; END IF;

  PERFORM pg_advisory_xact_lock(hashtext('line ' || current_schema()), hashtext(p_sku));
  v_now := clock_timestamp();
  WHILE v_left > 0 LOOP
    -- Everybody gets one unit or more, so as many as there are units are enough.
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
      -- Bought elsewhere meanwhile: nothing is owed any more.
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
      -- Its id is made here: nobody can have used it before, nor for another purchase.
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

  -- Who stands in front of somebody who was served, and waits still: a call held his rows.
  UPDATE waiting w SET passed_over_at = v_now
  WHERE w.sale = p_sale AND w.sku = p_sku AND w.state = 'waiting'
    AND (w.claims, w.rank, w.user_id) < (
      SELECT s.claims, s.rank, s.user_id FROM waiting s
      WHERE s.sale = p_sale AND s.sku = p_sku AND s.order_no = ANY (v_order_nos)
      ORDER BY s.claims DESC, s.rank DESC, s.user_id DESC LIMIT 1);

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
  'Units that come back go to those who wait: part of put_units';
REVOKE ALL ON FUNCTION :schema.serve_waitlist FROM PUBLIC;
