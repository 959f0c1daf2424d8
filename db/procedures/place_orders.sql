-- place_orders: decides a batch of purchase requests for one SKU, in one short transaction. Nearly every
-- batch is plain: one statement here finds that out, a second decides it. place_mixed_batch decides others.
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
--                  moved, or its node is being fenced: call again with p_wait. Reason not_open: by this server's
--                  clock the sale has not opened: call again a little later
--   moved          the SKU lives in the schema that the reason names: call place_orders there
--   All but locked and moved are final. All of these but request_id_taken and unknown_sku are recorded in
--   outcome: the same request again gets the same answer.
-- Tables: reads catalog.sku_terms, fenced_node, and for a SKU that has moved orders and outcome of the
--   other schema; writes buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order
--   1. the advisory lock of the SKU, shared (move_sku takes it exclusively)
--   2. the advisory lock of each web node of the batch, shared, ascending (fence_node takes it exclusively)
--   3. buyer rows, ascending by user
--   4. stock_slot rows: only unlocked ones (SKIP LOCKED); with p_wait all slots of the SKU, ascending
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
-- the tables of a new sale are nearly empty must use their indexes when they are full: indexes always win
-- here (40 us a call; enable_seqscan = off would start the JIT).
SET plan_cache_mode = force_generic_plan
SET random_page_cost = 0.1
AS $routine$
#variable_conflict use_column
DECLARE
  v_count     int := cardinality(p_request_ids);
  v_terms     record;    -- the terms of the SKU
  v_order_nos bigint[];  -- the orders of a plain batch, by position
  v_credited  text[];    -- users who were credited, if a plain batch was stopped
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

  -- 3. Read the terms of the SKU, by the database's clock. If it is behind, requests wait (locked). A batch is
  --    plain if all requests are new, in time and of different users, none can be refused without the stock,
  --    and one slot has enough for all.
  SELECT t.*, t AS whole, w.units AS wanted,
         CASE WHEN t.price = 0 THEN 'paid' ELSE 'ordered' END AS order_status,
         CASE WHEN t.price = 0 THEN '{placed,paid}' ELSE '{placed}' END::text[] AS events,
         now() + t.pay_window AS pay_before,
         CASE WHEN t.abroad OR t.home <> current_schema() THEN 'moved'
              WHEN now() < t.opens_at THEN 'locked' END AS answer,
         CASE WHEN t.abroad OR t.home <> current_schema() THEN t.home ELSE 'not_open' END AS why,
         NOT p_wait AND t.state <> 'closed' AND now() <= t.late_until
         AND 1 <= ALL (p_units) AND t.user_limit >= ALL (p_units)
         AND (v_count = 1 OR (
           SELECT (count(DISTINCT r.id), count(DISTINCT r.user_id COLLATE "C")) = (v_count, v_count)
           FROM unnest(p_request_ids, p_user_ids) AS r (id, user_id)))
         AND NOT EXISTS (SELECT FROM outcome o
                         WHERE o.sale = t.sale AND o.request_id = ANY (p_request_ids))
         AND ((t.others_until > now()) IS NOT TRUE OR NOT EXISTS (
           SELECT FROM unnest(t.other_sales, t.other_until) AS s (sale, until) CROSS JOIN LATERAL (
             SELECT FROM outcome o
             WHERE o.sale = s.sale AND o.request_id = ANY (p_request_ids) LIMIT 1) k
           WHERE s.until > now()))
         AND NOT EXISTS (SELECT FROM fenced_node f WHERE f.node = ANY (p_nodes))
         AND (NOT t.moved OR NOT EXISTS (SELECT FROM decided_elsewhere(p_request_ids)))
         AND EXISTS (SELECT FROM stock_slot l WHERE l.sku = p_sku AND l.remaining >= w.units)
           AS is_plain
  INTO v_terms
  FROM catalog.sku_terms t
  CROSS JOIN (SELECT sum(u.units) AS units FROM unnest(p_units) AS u (units)) w
  WHERE t.sku = p_sku;
  IF NOT FOUND OR v_terms.answer IS NOT NULL THEN
    RETURN QUERY SELECT r.id, coalesce(v_terms.answer, 'rejected'), coalesce(v_terms.why, 'unknown_sku'),
                        NULL::bigint, 0 FROM unnest(p_request_ids) AS r (id);
    RETURN;
  END IF;
  IF v_count > v_terms.batch_requests_max THEN
    RAISE EXCEPTION 'a batch of % requests: batch_requests_max is %', v_count, v_terms.batch_requests_max
      USING ERRCODE = 'FS001';
  END IF;

  -- 4. A canary takes its share of the calls. Its installation replaces the name place_orders in its text, so
  --    it never calls itself.
  IF v_terms.canary <> 'place_orders'
     AND (v_terms.canary_always OR random() < v_terms.canary_share) THEN
    RETURN QUERY EXECUTE format('SELECT * FROM %I($1, $2, $3, $4, $5, $6, $7)', v_terms.canary)
      USING p_sku, p_request_ids, p_user_ids, p_units, p_accept_fewer, p_nodes, p_wait;
    RETURN;
  END IF;

  -- 5. Decide the plain batch in one statement. It credits every user, takes the units from one slot (one
  --    of the fullest unlocked ones; see lock_slots) and writes everything. PostgreSQL runs unreferenced CTEs from
  --    the last to the first. So figures runs last and has the final time.
  IF v_terms.is_plain THEN
    WITH credited AS (
      INSERT INTO buyer AS b (sale, sku, user_id, units)
      SELECT v_terms.sale, p_sku, r.user_id, r.units
      FROM unnest(p_user_ids, p_units) AS r (user_id, units) ORDER BY r.user_id COLLATE "C"
      ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
        WHERE b.units + excluded.units <= v_terms.user_limit
      RETURNING b.user_id
    ), picked AS MATERIALIZED (
      SELECT s.slot, s.remaining FROM (SELECT count(*) AS users FROM credited) c CROSS JOIN stock_slot s
      WHERE c.users = v_count AND s.sku = p_sku AND s.remaining >= v_terms.wanted
      ORDER BY s.remaining * (1 - random() / 8) DESC LIMIT 1
      FOR UPDATE OF s SKIP LOCKED
    ), drawn AS (
      UPDATE stock_slot s SET remaining = s.remaining - v_terms.wanted FROM picked p
      WHERE s.sku = p_sku AND s.slot = p.slot AND s.remaining >= v_terms.wanted
      RETURNING s.slot, p.remaining AS found, clock_timestamp() AS locked_at
    ), numbered AS MATERIALIZED (
      SELECT r.request_id, r.user_id, r.units, r.node, nextval('order_no') AS order_no
      FROM drawn d CROSS JOIN unnest(p_request_ids, p_user_ids, p_units, p_nodes)
        AS r (request_id, user_id, units, node)
    ), figures AS (
      INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots,
                              waited, passed_over, false_empty, retries, lock_us, total_us)
      SELECT now(), p_sku, 'place_orders', v_count, v_count, 0, v_terms.wanted, 1, false,
             v_count > 1 AND d.found < 0.875 * (
               SELECT max(l.remaining) FROM stock_slot l WHERE l.sku = p_sku), 0, 0,
             extract(epoch FROM clock_timestamp() - d.locked_at) * 1e6,
             extract(epoch FROM clock_timestamp() - now()) * 1e6
      FROM drawn d WHERE v_terms.call_figures
    ), booked AS (
      INSERT INTO stock_movement (sale, sku, slot, kind, units)
      SELECT v_terms.sale, p_sku, d.slot, 'sale', -v_terms.wanted FROM drawn d
    ), placed AS (
      INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                          pay_before)
      SELECT n.order_no, v_terms.sale, p_sku, n.request_id, n.user_id, n.units,
             n.units * v_terms.price, v_terms.currency, v_terms.order_status, v_terms.pay_before
      FROM numbered n
    ), announced AS (
      INSERT INTO outbox (kind, sale, sku, order_nos)
      SELECT unnest(v_terms.events), v_terms.sale, p_sku, array_agg(n.order_no)
      FROM numbered n HAVING count(*) > 0
    ), decided AS (
      INSERT INTO outcome (request_id, sale, sku, user_id, node, status, order_no, units)
      SELECT n.request_id, v_terms.sale, p_sku, n.user_id, n.node, 'ordered', n.order_no, n.units
      FROM numbered n ORDER BY n.request_id
    )
    SELECT array_agg(n.order_no),
           CASE WHEN count(*) = 0 THEN (SELECT array_agg(c.user_id) FROM credited c) END
    INTO v_order_nos, v_credited FROM numbered n;
    IF v_order_nos IS NOT NULL THEN
      RETURN QUERY SELECT r.id, 'ordered', NULL, r.order_no, r.units
                   FROM unnest(p_request_ids, v_order_nos, p_units) AS r (id, order_no, units);
      RETURN;
    END IF;
    -- A user is at the limit, or each slot with enough is locked or has lost units since: undo the credit.
    PERFORM lower_buyers(v_terms.sale, p_sku, array_agg(r.user_id), array_agg(r.units))
    FROM unnest(p_user_ids, p_units) AS r (user_id, units) WHERE r.user_id = ANY (v_credited);
  END IF;

  -- 6. Decide any other batch, and a plain one that was stopped.
  RETURN QUERY SELECT * FROM place_mixed_batch(v_terms.whole, 'place_orders', p_request_ids, p_user_ids,
                                               p_units, p_accept_fewer, p_nodes, p_wait);
END
$routine$;

ALTER FUNCTION :schema.place_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_orders IS
  'Decides a batch of purchase requests for one SKU; locked is not final: call again with p_wait';
REVOKE ALL ON FUNCTION :schema.place_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.place_orders TO flashsale_worker;
