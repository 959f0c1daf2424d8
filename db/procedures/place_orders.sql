-- place_orders: decides a batch of purchase requests for one SKU, in one short transaction. Nearly every
-- batch is plain and is decided here, in two statements; place_mixed_batch has the others.
--
-- Parameters
--   p_sku                the SKU
--   p_request_ids        one entry for each request, in order of arrival; so are the next four arrays
--   p_user_ids, p_units  whose request it is, and units wanted
--   p_accept_fewer       take what is left when it is less than that
--   p_nodes              the web node that admitted the request
--   p_wait               wait for locked slots instead of answering 'locked'
-- Result: one row for each request, in the order of the arguments
--   ordered        with order_no and units; an order that costs nothing is paid already
--   sold_out       reason units_may_return: of unpaid orders; too_few_left: fewer than are wanted
--   limit_reached  the user would hold more than the SKU's limit
--   closed         the sale or the SKU is closed
--   rejected       reason node_fenced, request_id_taken, unknown_sku or bad_units
--   locked         units exist, but other transactions hold their slots, or the SKU is being moved,
--                  or its node fenced, this moment: call again with p_wait. Reason not_open: the sale
--                  has not opened by this server's clock: call again a little later
--   moved          the SKU lives in the schema that the reason names: call place_orders there
--   All but locked and moved are final. They are recorded in outcome, and a request that comes again
--   gets the same answer; request_id_taken and unknown_sku are answered without a record.
-- Tables: reads catalog.sku_terms, fenced_node, and for a SKU that has moved orders and outcome of the
--   other schema; writes buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order
--   1. an advisory lock, shared, for the SKU (move_sku takes it exclusively)
--   2. one for each web node of the batch, ascending (fence_node takes it exclusively)
--   3. buyer rows, ascending by user
--   4. stock_slot rows: unlocked ones only (SKIP LOCKED); with p_wait all of the SKU, ascending
--   5. outcome keys, ascending by request id
-- Errors: FS001 malformed arguments; FS500 the books do not balance (a bug); 23505 another session is
--   deciding the same request: call again, it then has its outcome

CREATE OR REPLACE FUNCTION :schema.place_orders(
  p_sku text, p_request_ids uuid[], p_user_ids text[], p_units int[], p_accept_fewer boolean[],
  p_nodes text[], p_wait boolean DEFAULT false
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- Planning a batch of one anew costs more than doing it (CPU 560 -> 410 us a call). A plan that was made
-- while the tables of a new sale were nearly empty would scan them when they are full: indexes always
-- win here (40 us a call; enable_seqscan = off would wake the JIT).
SET plan_cache_mode = force_generic_plan
SET random_page_cost = 0.1
AS $routine$
#variable_conflict use_column
DECLARE
  v_count     int := cardinality(p_request_ids);
  v_terms     record;    -- of the SKU
  v_order_nos bigint[];  -- of a plain batch, by position
  v_credited  text[];    -- users of a plain batch that was stopped
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

  -- 2. Locks come first: then the SKU stays where it is read to be, and a fence put up before is seen.
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

  -- 3. The terms of the SKU, by the database's clock: a late one costs time and no order. A batch is plain
  --    if all requests are new, in time and each of a user of its own, nothing is refused before the
  --    stock is asked, and one slot has enough for all.
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

  -- 4. A canary takes its share of the calls. In its own text the name is its own: it never calls itself.
  IF v_terms.canary <> 'place_orders'
     AND (v_terms.canary_always OR random() < v_terms.canary_share) THEN
    RETURN QUERY EXECUTE format('SELECT * FROM %I($1, $2, $3, $4, $5, $6, $7)', v_terms.canary)
      USING p_sku, p_request_ids, p_user_ids, p_units, p_accept_fewer, p_nodes, p_wait;
    RETURN;
  END IF;

  -- 5. The plain batch, in one statement: every user is credited, one slot gives the units (the
  --    fullest that nobody holds, as lock_slots explains), and all of it is written down. Of the CTEs
  --    that nobody reads PostgreSQL runs the last first: figures last of all, with the final time.
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
    -- Somebody is at the limit, or each slot with enough is locked or was drawn from meanwhile.
    PERFORM lower_buyers(v_terms.sale, p_sku, array_agg(r.user_id), array_agg(r.units))
    FROM unnest(p_user_ids, p_units) AS r (user_id, units) WHERE r.user_id = ANY (v_credited);
  END IF;

  -- 6. Any other batch, and a plain one that was stopped.
  RETURN QUERY SELECT * FROM place_mixed_batch(v_terms.whole, 'place_orders', p_request_ids, p_user_ids,
                                               p_units, p_accept_fewer, p_nodes, p_wait);
END
$routine$;

ALTER FUNCTION :schema.place_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_orders IS
  'Decides a batch of purchase requests for one SKU; "locked" is not final: call again, p_wait';
REVOKE ALL ON FUNCTION :schema.place_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.place_orders TO flashsale_worker;
