-- place_orders: decides a batch of purchase requests for one SKU, in one short transaction. Nearly every
-- batch is plain (plain_terms says when) and goes to place_plain_batch. A plain single order is decided here.
-- place_mixed_batch decides all others; place_daily, place_amounts and place_numbered those for goods that are not counted.
--
-- Parameters: NULL is not allowed, save in p_accept_fewer (false)
--   p_sku                the SKU
--   p_request_ids        the requests, in order of arrival; each of the next four arrays has as many entries
--   p_user_ids, p_units  the user of the request, and the units wanted
--   p_accept_fewer       whether the request takes what is left if that is less
--   p_nodes              the web node that admitted the request
--   p_wait               wait for locked slots instead of answering locked
-- Result: one row for each request, in the order of the arguments
--   ordered        with order_no and units; an order that costs nothing is already paid
--   sold_out       reason units_may_return: unpaid orders hold some; too_few_left: fewer than are wanted
--   limit_reached  the user would hold more than the user limit of the SKU
--   closed         the sale or the SKU is closed
--   rejected       reason node_fenced, request_id_taken, unknown_sku or bad_units
--   locked         units exist, but at this moment other transactions hold their slots, or the SKU is being
--                  moved, or its node is being fenced; or an earlier request of the user in this batch got fewer
--                  units than it wanted, so this one may be within the limit: call again with p_wait. Reason
--                  not_open: by this server's clock the sale has not opened: call again a little later
--   moved          the SKU lives in the schema that the reason names: call place_orders there
--   All but locked and moved are final. All of these but request_id_taken and unknown_sku are recorded in
--   outcome: the same request again gets the same answer.
-- Tables: reads catalog.sku_terms, fenced_node, and for a SKU that has moved orders and outcome of the
--   other schema; writes buyer, stock_slot, unit, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order
--   1. the advisory lock of the SKU, shared (move_sku takes it exclusively)
--   2. the advisory lock of each web node of the batch, shared, ascending (fence_node takes it exclusively)
--   3. buyer rows, ascending by user
--   4. stock_slot rows: only unlocked ones (SKIP LOCKED); with p_wait all slots of the SKU, ascending. (place_amounts
--      and place_numbered lock units before the buyers)
--   5. outcome keys, ascending by request id
-- Errors: FS001 malformed arguments; FS500 the books do not balance (a bug); 23505 another session is
--   deciding the same request: call again, and the request has its outcome

CREATE OR REPLACE FUNCTION :schema.place_orders(
  p_sku text, p_request_ids uuid[], p_user_ids text[], p_units int[], p_accept_fewer boolean[],
  p_nodes text[], p_wait boolean DEFAULT false
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- A new plan for a batch of one costs more than its execution (CPU 560 -> 410 us a call). A plan made while
-- the tables of a new sale are empty must use their indexes when they are full: to read an empty table that was
-- vacuumed or analyzed from end to end counts as free (docs/decisions/0085).
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $routine$
#variable_conflict use_column
DECLARE
  v_count    int := cardinality(p_request_ids);
  v_terms    record;  -- the terms of the SKU
  v_sale     text;    -- the sale of a single order whose user was credited
  v_order_no bigint;  -- that order; NULL if it could not be placed
BEGIN
  -- 1. Check the arguments.
  IF p_sku IS NULL OR v_count IS NULL
     OR (cardinality(p_user_ids), cardinality(p_units), cardinality(p_accept_fewer),
         cardinality(p_nodes)) IS DISTINCT FROM (v_count, v_count, v_count, v_count)
     OR array_position(p_request_ids, NULL) > 0 OR array_position(p_user_ids, NULL) > 0
     OR array_position(p_units, NULL) > 0 OR array_position(p_nodes, NULL) > 0 THEN
    RAISE EXCEPTION 'place_orders takes five arrays of the same length, without NULL'
      USING ERRCODE = 'FS001';
  END IF;

  -- 2. Lock before anything is read: then the SKU cannot move, and an earlier fence is seen.
  IF p_wait THEN
    PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  ELSIF NOT pg_try_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku))
     OR p_nodes[1] = ALL (p_nodes) AND NOT pg_try_advisory_xact_lock_shared(
          hashtext('fence ' || current_schema()), hashtext(p_nodes[1] COLLATE "C")) THEN
    RETURN QUERY SELECT r.id, 'locked', NULL, NULL::bigint, 0 FROM unnest(p_request_ids) AS r (id);
    RETURN;
  END IF;
  IF p_wait OR p_nodes[1] <> ANY (p_nodes) THEN
    PERFORM pg_advisory_xact_lock_shared(hashtext('fence ' || current_schema()), hashtext(n.node))
    FROM (SELECT DISTINCT u.node COLLATE "C" AS node FROM unnest(p_nodes) AS u (node) ORDER BY 1) n;
  END IF;

  -- 3. Decide a plain single order in one statement: each further statement would cost more than what is done
  --    in it (decision 26). Otherwise this is place_plain_batch without arrays and sorts. PostgreSQL runs
  --    unreferenced CTEs from the last to the first. So figures runs last and has the final time.
  IF v_count = 1 AND NOT p_wait THEN
    WITH terms AS MATERIALIZED (
      SELECT t.sale, t.price, t.currency, t.user_limit, t.call_figures, now() + t.pay_window AS pay_before
      FROM plain_single_terms(p_sku, p_request_ids, p_units[1], p_nodes[1]) t
    ), credited AS (
      INSERT INTO buyer AS b (sale, sku, user_id, units)
      SELECT t.sale, p_sku, p_user_ids[1], p_units[1] FROM terms t
      ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
        WHERE b.units + excluded.units <= (SELECT t.user_limit FROM terms t)
      RETURNING b.sale
    ), picked AS MATERIALIZED (
      SELECT s.slot FROM credited c CROSS JOIN stock_slot s
      WHERE s.sku = p_sku AND s.remaining >= p_units[1]
        AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
      ORDER BY s.remaining * (1 - random() / 8) DESC LIMIT 1
      FOR UPDATE OF s SKIP LOCKED
    ), drawn AS (
      UPDATE stock_slot s SET remaining = s.remaining - p_units[1] FROM picked p
      WHERE s.sku = p_sku AND s.slot = p.slot AND s.remaining >= p_units[1]
      RETURNING s.slot, clock_timestamp() AS locked_at, nextval('order_no') AS order_no
    ), numbered AS MATERIALIZED (
      SELECT d.slot, d.locked_at, d.order_no, t.* FROM drawn d CROSS JOIN terms t
    ), figures AS (
      INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots,
                              waited, passed_over, false_empty, retries, lock_us, total_us)
      SELECT now(), p_sku, 'place_orders', 1, 1, 0, p_units[1], 1, false, false, 0, 0,
             date_part('epoch', clock_timestamp() - n.locked_at) * 1e6,
             date_part('epoch', clock_timestamp() - now()) * 1e6
      FROM numbered n WHERE n.call_figures
    ), booked AS (
      INSERT INTO stock_movement (sale, sku, slot, kind, units)
      SELECT n.sale, p_sku, n.slot, 'sale', -p_units[1] FROM numbered n
    ), placed AS (
      INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                          pay_before)
      SELECT n.order_no, n.sale, p_sku, p_request_ids[1], p_user_ids[1], p_units[1], p_units[1] * n.price,
             n.currency, CASE WHEN n.price = 0 THEN 'paid' ELSE 'ordered' END, n.pay_before
      FROM numbered n
    ), announced AS (
      INSERT INTO outbox (kind, sale, sku, order_nos)
      SELECT unnest(CASE WHEN n.price = 0 THEN '{placed,paid}' ELSE '{placed}' END::text[]), n.sale, p_sku,
             ARRAY[n.order_no]
      FROM numbered n
    ), decided AS (
      INSERT INTO outcome (request_id, sale, sku, user_id, node, status, order_no, units)
      SELECT p_request_ids[1], n.sale, p_sku, p_user_ids[1], p_nodes[1], 'ordered', n.order_no, p_units[1]
      FROM numbered n
    )
    SELECT c.sale, n.order_no INTO v_sale, v_order_no FROM credited c LEFT JOIN numbered n ON true;
    IF v_order_no IS NOT NULL THEN
      -- RETURN QUERY would be a further statement.
      request_id := p_request_ids[1];
      status := 'ordered';
      order_no := v_order_no;
      units := p_units[1];
      RETURN NEXT;
      RETURN;
    END IF;
    -- Each slot with enough is locked or has lost units since: undo the credit.
    IF v_sale IS NOT NULL THEN PERFORM lower_buyers(v_sale, p_sku, p_user_ids, p_units); END IF;
  END IF;

  -- 4. Read the terms of the SKU, by the database's clock. If it is behind, requests wait (locked).
  SELECT t.*, t AS whole,
         CASE WHEN t.abroad OR t.home <> current_schema() THEN 'moved'
              WHEN now() < t.opens_at THEN 'locked' END AS answer,
         CASE WHEN t.abroad OR t.home <> current_schema() THEN t.home ELSE 'not_open' END AS why,
         (SELECT k.goods FROM catalog.sku k WHERE k.sku = p_sku) AS goods,
         NOT p_wait AND v_count > 1 AND EXISTS (
           SELECT FROM plain_terms(p_sku, p_request_ids, p_user_ids, p_units, p_nodes)) AS is_plain
  INTO v_terms FROM catalog.sku_terms t WHERE t.sku = p_sku;
  IF NOT FOUND OR v_terms.answer IS NOT NULL THEN
    RETURN QUERY SELECT r.id, coalesce(v_terms.answer, 'rejected'), coalesce(v_terms.why, 'unknown_sku'),
                        NULL::bigint, 0 FROM unnest(p_request_ids) AS r (id);
    RETURN;
  END IF;
  IF v_count > v_terms.batch_requests_max THEN
    RAISE EXCEPTION 'a batch of % requests: batch_requests_max is %', v_count, v_terms.batch_requests_max
      USING ERRCODE = 'FS001';
  END IF;

  -- 5. Decide the batch: a plain one at once, and any other one, or a plain one that was stopped, by position.
  IF v_terms.goods = 'daily' THEN
    RETURN QUERY SELECT * FROM place_daily(p_sku, p_request_ids, p_user_ids, p_nodes);
    RETURN;
  END IF;
  IF v_terms.goods = 'amounts' THEN
    RETURN QUERY SELECT * FROM place_amounts(v_terms.whole, p_request_ids, p_user_ids, p_units, p_nodes, p_wait);
    RETURN;
  END IF;
  IF v_terms.goods = 'numbered' THEN
    RETURN QUERY SELECT * FROM place_numbered(v_terms.whole, p_request_ids, p_user_ids, p_units, p_accept_fewer,
                                              p_nodes, p_wait);
    RETURN;
  END IF;
  IF v_terms.is_plain THEN
    RETURN QUERY SELECT * FROM place_plain_batch(v_terms.whole, 'place_orders', p_request_ids, p_user_ids,
                                                 p_units, p_nodes);
    IF FOUND THEN RETURN; END IF;
  END IF;
  RETURN QUERY SELECT * FROM place_mixed_batch(v_terms.whole, 'place_orders', p_request_ids, p_user_ids,
                                               p_units, p_accept_fewer, p_nodes, p_wait);
END
$routine$;

ALTER FUNCTION :schema.place_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_orders IS
  'Decides a batch of purchase requests for one SKU; locked is not final: call again with p_wait';
REVOKE ALL ON FUNCTION :schema.place_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.place_orders TO flashsale_worker;
