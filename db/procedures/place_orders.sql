-- place_orders: decides a batch of purchase requests for one SKU, in one short transaction.
--
-- Parameters
--   p_sku           the SKU
--   p_request_ids   one entry for each request, in order of arrival; so are the next four arrays
--   p_user_ids      whose request it is
--   p_units         units wanted
--   p_accept_fewer  take what is left when it is less than that
--   p_nodes         the web node that admitted the request
--   p_wait          wait for locked slots instead of answering 'locked'
-- Result: one row for each request, in the order of the arguments
--   ordered        with order_no and units; an order that costs nothing is paid already
--   sold_out       reason units_may_return: unpaid orders may give units back;
--                  too_few_left: some are left, but fewer than the request wants
--   limit_reached  the user would hold more than the SKU's limit
--   closed         the sale or the SKU is closed
--   rejected       reason node_fenced, request_id_taken, unknown_sku or bad_units
--   locked         units exist, but other transactions hold their slots, or the SKU is being moved,
--                  or its node fenced, this moment: call again with p_wait. Reason not_open: the
--                  sale opens later by this server's clock, and has opened by that of another one,
--                  since a web node has taken the request: call again a little later
--   moved          the SKU lives in the schema that the reason names: call place_orders there
--   All but locked and moved are final. They are recorded in outcome, and a request that comes again
--   gets the same answer; request_id_taken and unknown_sku are answered without a record.
-- Tables: reads catalog.sku_terms, fenced_node, and for a SKU that has moved orders and outcome of the
--   other schema; writes buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order
--   1. an advisory lock, shared, for the SKU (move_sku takes it exclusively)
--   2. an advisory lock, shared, for each web node of the batch, ascending (fence_node takes it
--      exclusively)
--   3. buyer rows, ascending by user
--   4. stock_slot rows: unlocked ones only (SKIP LOCKED), never waiting; with p_wait all slots of
--      the SKU, ascending
--   5. outcome keys, ascending by request id
-- Errors: FS001 malformed arguments; FS500 the books do not balance (a bug); 23505 the same request
--   is being decided by another session: call again, it then has its outcome

CREATE OR REPLACE FUNCTION :schema.place_orders(
  p_sku          text,
  p_request_ids  uuid[],
  p_user_ids     text[],
  p_units        int[],
  p_accept_fewer boolean[],
  p_nodes        text[],
  p_wait         boolean DEFAULT false
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- Planning a batch of one anew costs more than doing it (CPU 560 -> 410 us a call).
SET plan_cache_mode = force_generic_plan
-- A plan that was made while the tables of a new sale were nearly empty would scan them when they
-- are full: indexes always win here (40 us a call; enable_seqscan = off would wake the JIT).
SET random_page_cost = 0.1
AS $routine$
#variable_conflict use_column
DECLARE
  v_count         int := cardinality(p_request_ids);
  v_lot           double precision := random();  -- whether a canary takes the call
  v_credited      boolean;
BEGIN
  IF p_sku IS NULL OR v_count IS NULL
     OR (cardinality(p_user_ids), cardinality(p_units), cardinality(p_accept_fewer),
         cardinality(p_nodes)) IS DISTINCT FROM (v_count, v_count, v_count, v_count)
     OR array_position(p_request_ids, NULL) > 0 OR array_position(p_user_ids, NULL) > 0
     OR array_position(p_units, NULL) > 0 OR array_position(p_nodes, NULL) > 0 THEN
    RAISE EXCEPTION 'place_orders takes five arrays of the same length, without NULL'
      USING ERRCODE = 'FS001';
  END IF;

  -- 1. The locks come in statements before anything is read, so that the SKU stays where it is read
  --    to be, and a fence that was put up before is seen.
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
    FROM (SELECT DISTINCT u.node COLLATE "C" AS node FROM unnest(p_nodes) AS u (node)
          ORDER BY 1) n;
  END IF;

  -- 2. One request, as plain as most are: new, in time, within the limit, and one slot has enough.
  --    One statement does it all, since a statement costs more than what it does here (decision 26).
  --    Whatever stands in the way leaves it undone, and it is looked at again below. Of the CTEs
  --    that nobody reads PostgreSQL runs the last first: figures last of all, with the final time.
  IF v_count = 1 AND NOT p_wait THEN
    WITH terms AS MATERIALIZED (
      SELECT t.sale, t.price, t.currency, t.user_limit, t.pay_window, t.call_figures
      FROM catalog.sku_terms t
      WHERE t.sku = p_sku AND t.home = current_schema() AND NOT t.abroad AND t.state <> 'closed'
        AND now() BETWEEN t.opens_at AND t.late_until AND p_units[1] BETWEEN 1 AND t.user_limit
        AND (t.canary IS NULL OR t.canary = 'place_orders'
             OR NOT t.canary_always AND v_lot >= t.canary_share)
        AND NOT EXISTS (
          SELECT FROM outcome o WHERE o.sale = t.sale AND o.request_id = p_request_ids[1])
        AND ((t.others_until > now()) IS NOT TRUE OR NOT EXISTS (
          SELECT FROM unnest(t.other_sales, t.other_until) AS s (sale, until)
          CROSS JOIN LATERAL (
            SELECT FROM outcome o
            WHERE o.sale = s.sale AND o.request_id = p_request_ids[1] LIMIT 1) k
          WHERE s.until > now()))
        AND NOT EXISTS (SELECT FROM fenced_node f WHERE f.node = p_nodes[1])
        AND EXISTS (SELECT FROM stock_slot l WHERE l.sku = p_sku AND l.remaining > 0)
        AND (NOT t.moved OR NOT EXISTS (SELECT FROM decided_elsewhere(p_request_ids)))
    ), credited AS (
      INSERT INTO buyer AS b (sale, sku, user_id, units)
      SELECT t.sale, p_sku, p_user_ids[1], p_units[1] FROM terms t
      ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
        WHERE b.units + excluded.units <= (SELECT t.user_limit FROM terms t)
      RETURNING b.units
    ), picked AS MATERIALIZED (
      SELECT s.slot
      FROM credited c CROSS JOIN stock_slot s
      WHERE s.sku = p_sku AND s.remaining > 0
      ORDER BY s.remaining * (1 - random() / 8) DESC
      LIMIT 1
      FOR UPDATE OF s SKIP LOCKED
    ), drawn AS (
      UPDATE stock_slot s SET remaining = s.remaining - p_units[1]
      FROM picked p
      WHERE s.sku = p_sku AND s.slot = p.slot AND s.remaining >= p_units[1]
      RETURNING s.slot, clock_timestamp() AS locked_at, nextval('order_no') AS order_no
    ), numbered AS MATERIALIZED (
      SELECT d.slot, d.locked_at, d.order_no, t.sale, t.price * p_units[1] AS amount, t.currency,
             now() + t.pay_window AS pay_before, t.call_figures, t.price = 0 AS is_free
      FROM drawn d CROSS JOIN terms t
    ), figures AS (
      INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots,
                              waited, passed_over, false_empty, retries, lock_us, total_us)
      SELECT now(), p_sku, 'place_orders', 1, 1, 0, p_units[1], 1, false, false, 0, 0,
             extract(epoch FROM clock_timestamp() - n.locked_at) * 1e6,
             extract(epoch FROM clock_timestamp() - now()) * 1e6
      FROM numbered n WHERE n.call_figures
    ), booked AS (
      INSERT INTO stock_movement (sale, sku, slot, kind, units)
      SELECT n.sale, p_sku, n.slot, 'sale', -p_units[1] FROM numbered n
    ), placed AS (
      INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                          pay_before)
      SELECT n.order_no, n.sale, p_sku, p_request_ids[1], p_user_ids[1], p_units[1], n.amount,
             n.currency, CASE WHEN n.is_free THEN 'paid' ELSE 'ordered' END, n.pay_before
      FROM numbered n
    ), announced AS (
      INSERT INTO outbox (kind, sale, sku, order_nos)
      SELECT unnest(CASE WHEN n.is_free THEN '{placed,paid}' ELSE '{placed}' END::text[]), n.sale, p_sku,
             ARRAY[n.order_no]
      FROM numbered n
    ), decided AS (
      INSERT INTO outcome (request_id, sale, sku, user_id, node, status, order_no, units)
      SELECT p_request_ids[1], n.sale, p_sku, p_user_ids[1], p_nodes[1], 'ordered', n.order_no,
             p_units[1]
      FROM numbered n
    )
    SELECT true, n.order_no INTO v_credited, order_no
    FROM credited c LEFT JOIN numbered n ON true;
    IF order_no IS NOT NULL THEN
      request_id := p_request_ids[1];
      status := 'ordered';
      units := p_units[1];
      RETURN NEXT;
      RETURN;
    ELSIF v_credited THEN
      -- No slot was free, or none had enough.
      UPDATE buyer b SET units = b.units - p_units[1]
      FROM catalog.sku_terms t
      WHERE t.sku = p_sku AND b.sale = t.sale AND b.sku = p_sku AND b.user_id = p_user_ids[1];
    END IF;
  END IF;

  -- Variables that a single order does not pay for.
  DECLARE
    v_sku           record;
    v_users         text[];       -- of a plain batch: who is within the limit
    -- What is said about each request: position in these arrays = position in the arguments.
    v_status        text[];
    v_reason        text[];
    v_order_no      bigint[];
    v_got           int[];
    v_first         int[];        -- position at which the same request id came first
    -- Sets of positions, ascending.
    v_open          int[];        -- not decided yet
    v_turn          int[];        -- whose user's limit is still to be looked at
    v_turns         int := 1;
    v_looked_at     int[];
    v_within        int[];        -- within the limit; of one turn
    v_buying        int[] := '{}';  -- within the limit; of all turns
    v_judged        int[];        -- decided by this call and to be recorded
    v_placed        bigint[] := '{}';  -- order numbers
    -- Slots that this transaction has locked.
    v_slots         int[] := '{}';
    v_have          int[] := '{}';
    v_take          int[] := '{}';
    v_slot          int;
    v_remaining     int;
    v_looks         int := 0;
    v_wanted        bigint := 0;
    v_held          bigint := 0;  -- units in the locked slots
    v_left          bigint := 0;  -- of those: not handed out yet
    v_elsewhere     bigint := 0;  -- units in slots that others hold
    v_sold          bigint := 0;
    v_booked        bigint;
    v_units_may_return boolean;
    -- What is told to the cockpit.
    v_fullest       int := 0;     -- units of the fullest slot when the call looked first
    v_passed_over   boolean := false;
    v_locked_at     timestamptz;
    i               int;
  BEGIN
    -- 3. The terms of the SKU. The database's clock judges the sale window. And is the batch plain, as
    --    most are: all requests new, each of a user of its own, and nothing to refuse before the stock
    --    is asked?
    SELECT t.home, t.abroad, t.moved, t.sale, t.price, t.currency, t.user_limit,
           CASE WHEN t.price = 0 THEN 'paid' ELSE 'ordered' END AS order_status,
           CASE WHEN t.price = 0 THEN '{placed,paid}' ELSE '{placed}' END::text[] AS events,
           now() + t.pay_window AS pay_before, t.batch_requests_max, t.call_figures,
           t.pick_retries, t.pick_retry_wait_us,
           t.sale || ARRAY(SELECT s.sale FROM unnest(t.other_sales, t.other_until) AS s (sale, until)
                           WHERE s.until > now()) AS known_sales,
           CASE WHEN t.canary_always OR v_lot < t.canary_share
                THEN t.canary ELSE 'place_orders' END AS routine,
           CASE WHEN t.state = 'closed' OR now() > t.late_until THEN 'closed' END AS refusal,
           now() < t.opens_at AS early,
           (SELECT sum(u.units) FROM unnest(p_units) AS u (units)) AS wanted,
           (SELECT max(l.remaining) FROM stock_slot l WHERE l.sku = p_sku) AS fullest,
           v_count > 1 AND NOT p_wait AND 1 <= ALL (p_units) AND t.user_limit >= ALL (p_units)
           AND NOT EXISTS (
             SELECT FROM outcome o WHERE o.sale = t.sale AND o.request_id = ANY (p_request_ids))
           AND ((t.others_until > now()) IS NOT TRUE OR NOT EXISTS (
             SELECT FROM unnest(t.other_sales, t.other_until) AS s (sale, until)
             CROSS JOIN LATERAL (
               SELECT FROM outcome o
               WHERE o.sale = s.sale AND o.request_id = ANY (p_request_ids) LIMIT 1) k
             WHERE s.until > now()))
           AND NOT EXISTS (SELECT FROM fenced_node f WHERE f.node = ANY (p_nodes))
           AND EXISTS (SELECT FROM stock_slot l WHERE l.sku = p_sku AND l.remaining > 0)
           AND (NOT t.moved OR NOT EXISTS (SELECT FROM decided_elsewhere(p_request_ids)))
           AND (
             SELECT count(DISTINCT r.id) = v_count AND count(DISTINCT r.user_id COLLATE "C") = v_count
             FROM unnest(p_request_ids, p_user_ids) AS r (id, user_id)) AS plain
    INTO v_sku
    FROM catalog.sku_terms t
    WHERE t.sku = p_sku;
    IF NOT FOUND THEN
      RETURN QUERY SELECT r.id, 'rejected', 'unknown_sku', NULL::bigint, 0
                   FROM unnest(p_request_ids) AS r (id);
      RETURN;
    END IF;
    IF v_sku.abroad OR v_sku.home <> current_schema() THEN
      RETURN QUERY SELECT r.id, 'moved', v_sku.home, NULL::bigint, 0
                   FROM unnest(p_request_ids) AS r (id);
      RETURN;
    END IF;
    -- Nothing is decided before the opening, so that a clock that is late costs time and no order.
    IF v_sku.early THEN
      RETURN QUERY SELECT r.id, 'locked', 'not_open', NULL::bigint, 0
                   FROM unnest(p_request_ids) AS r (id);
      RETURN;
    END IF;
    -- A canary is made from a file like this one by changing the routine's name wherever it stands,
    -- so that a canary never calls itself.
    IF v_sku.routine <> 'place_orders' THEN
      RETURN QUERY EXECUTE format('SELECT * FROM %I($1, $2, $3, $4, $5, $6, $7)', v_sku.routine)
        USING p_sku, p_request_ids, p_user_ids, p_units, p_accept_fewer, p_nodes, p_wait;
      RETURN;
    END IF;
    IF v_count > v_sku.batch_requests_max THEN
      RAISE EXCEPTION 'a batch of % requests: batch_requests_max is %',
        v_count, v_sku.batch_requests_max USING ERRCODE = 'FS001';
    END IF;

    -- 4. A plain batch whose users are all within the limit, and for which one slot has enough, needs
    --    no books by position: three statements, and it is done. What stops it half way goes on below
    --    with what it has: v_users is credited, v_slots is locked.
    IF v_sku.plain AND v_sku.refusal IS NULL THEN
      WITH within AS (
        INSERT INTO buyer AS b (sale, sku, user_id, units)
        SELECT v_sku.sale, p_sku, r.user_id, r.units
        FROM unnest(p_user_ids, p_units) AS r (user_id, units) ORDER BY r.user_id COLLATE "C"
        ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
          WHERE b.units + excluded.units <= v_sku.user_limit
        RETURNING b.user_id
      )
      SELECT coalesce(array_agg(w.user_id), '{}') INTO v_users FROM within w;
      IF cardinality(v_users) = v_count THEN
        SELECT s.slot, s.remaining INTO v_slot, v_remaining
        FROM stock_slot s
        WHERE s.sku = p_sku AND s.remaining > 0
        ORDER BY s.remaining * (1 - random() / 8) DESC
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
          v_locked_at := clock_timestamp();
          v_passed_over := coalesce(v_remaining < v_sku.fullest * 0.875, false);
          v_slots := ARRAY[v_slot];
          v_have := ARRAY[v_remaining];
          v_held := v_remaining;
        END IF;
      END IF;
      IF v_held >= v_sku.wanted THEN
        RETURN QUERY
        WITH drawn AS (
          UPDATE stock_slot s SET remaining = s.remaining - v_sku.wanted
          WHERE s.sku = p_sku AND s.slot = v_slot AND s.remaining >= v_sku.wanted
          RETURNING s.slot
        ), booked AS (
          INSERT INTO stock_movement (sale, sku, slot, kind, units)
          SELECT v_sku.sale, p_sku, d.slot, 'sale', -v_sku.wanted FROM drawn d
        ), numbered AS MATERIALIZED (
          SELECT r.request_id, r.user_id, r.units, r.node, nextval('order_no') AS order_no
          FROM drawn d CROSS JOIN unnest(p_request_ids, p_user_ids, p_units, p_nodes)
            AS r (request_id, user_id, units, node)
        ), placed AS (
          INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency,
                              status, pay_before)
          SELECT n.order_no, v_sku.sale, p_sku, n.request_id, n.user_id, n.units,
                 n.units * v_sku.price, v_sku.currency, v_sku.order_status, v_sku.pay_before
          FROM numbered n
        ), announced AS (
          INSERT INTO outbox (kind, sale, sku, order_nos)
          SELECT unnest(v_sku.events), v_sku.sale, p_sku, array_agg(n.order_no) FROM numbered n
          HAVING count(*) > 0
        ), figures AS (
          INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots,
                                  waited, passed_over, false_empty, retries, lock_us, total_us)
          SELECT now(), p_sku, 'place_orders', v_count, v_count, 0, v_sku.wanted, 1, false,
                 v_passed_over, 0, 0, extract(epoch FROM clock_timestamp() - v_locked_at) * 1e6,
                 extract(epoch FROM clock_timestamp() - now()) * 1e6
          WHERE v_sku.call_figures
        ), decided AS (
          INSERT INTO outcome (request_id, sale, sku, user_id, node, status, order_no, units)
          SELECT n.request_id, v_sku.sale, p_sku, n.user_id, n.node, 'ordered', n.order_no, n.units
          FROM numbered n ORDER BY n.request_id
        )
        SELECT n.request_id, 'ordered', NULL::text, n.order_no, n.units FROM numbered n;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'slot % of % was locked, but has fewer than % units',
            v_slot, p_sku, v_sku.wanted USING ERRCODE = 'FS500';
        END IF;
        RETURN;
      END IF;
    END IF;

    -- 5. Any other batch, by position: what is decided already, or refused without a look at the
    --    stock. A plain one is not judged again: whoever decided one of its requests since it was
    --    looked at makes the INSERT into outcome fail, and all of this is undone.
    IF v_users IS NOT NULL THEN
      v_open := ARRAY(SELECT generate_series(1, v_count));
      v_first := v_open;
      v_judged := v_open;
      v_status := array_fill(NULL::text, ARRAY[v_count]);
      v_reason := v_status;
      v_order_no := array_fill(NULL::bigint, ARRAY[v_count]);
      v_got := array_fill(0, ARRAY[v_count]);
    ELSE
      WITH elsewhere AS MATERIALIZED (
        -- What the other schema decided before the SKU moved here. It decides nothing any more.
        SELECT d.* FROM decided_elsewhere(p_request_ids) d WHERE v_sku.moved
      ), judged AS (
        SELECT r.at::int AS at, min(r.at) OVER (PARTITION BY r.id)::int AS first_at,
               k.user_id IS NOT NULL AS known,
               CASE WHEN k.user_id = r.user_id THEN k.status
                    WHEN k.user_id IS NOT NULL OR f.node IS NOT NULL THEN 'rejected'
                    WHEN v_sku.refusal IS NOT NULL THEN v_sku.refusal
                    WHEN r.wanted < 1 THEN 'rejected'
                    WHEN r.wanted > v_sku.user_limit THEN 'limit_reached' END AS status,
               CASE WHEN k.user_id = r.user_id THEN k.reason
                    WHEN k.user_id IS NOT NULL THEN 'request_id_taken'
                    WHEN f.node IS NOT NULL THEN 'node_fenced'
                    WHEN v_sku.refusal IS NULL AND r.wanted < 1 THEN 'bad_units' END AS reason,
               CASE WHEN k.user_id = r.user_id THEN k.order_no END AS order_no,
               CASE WHEN k.user_id = r.user_id THEN k.units ELSE 0 END AS got
        FROM unnest(p_request_ids, p_user_ids, p_units, p_nodes) WITH ORDINALITY
          AS r (id, user_id, wanted, node, at)
        LEFT JOIN LATERAL (
          SELECT o.user_id, o.status, o.reason, o.order_no, o.units
          FROM unnest(v_sku.known_sales) AS s (sale)
          JOIN outcome o ON o.sale = s.sale AND o.request_id = r.id
          UNION ALL
          SELECT e.user_id, e.status, e.reason, e.order_no, e.units
          FROM elsewhere e WHERE e.request_id = r.id
          LIMIT 1) k ON true
        LEFT JOIN fenced_node f ON f.node = r.node
      )
      SELECT array_agg(j.status), array_agg(j.reason), array_agg(j.order_no), array_agg(j.got),
             array_agg(j.first_at),
             array_agg(j.at) FILTER (WHERE j.first_at = j.at AND j.status IS NULL),
             array_agg(j.at) FILTER (WHERE j.first_at = j.at AND NOT j.known)
      INTO v_status, v_reason, v_order_no, v_got, v_first, v_open, v_judged
      FROM (SELECT * FROM judged ORDER BY at) j;
    END IF;

    -- 6. Nothing free at all: no need to touch the buyers. The sum is read from committed rows,
    --    locked ones included: it is 0 only if there is nothing.
    IF v_users IS NOT NULL THEN
      v_turn := v_open;
    ELSIF v_open IS NOT NULL THEN
      SELECT coalesce(sum(s.remaining), 0), max(s.remaining) INTO v_elsewhere, v_fullest
      FROM stock_slot s WHERE s.sku = p_sku;
      IF v_elsewhere > 0 THEN v_turn := v_open; END IF;
    END IF;

    -- 7. The limit, and the units of each user, in one statement. A user with several requests in the
    --    batch has a turn for each, in order of arrival. Later turns touch only rows that the first
    --    has locked (a refused update locks its row too), so the order by user holds for all.
    IF v_users IS NOT NULL THEN
      SELECT coalesce(array_agg(t.at ORDER BY t.at), '{}'), coalesce(sum(p_units[t.at]), 0)
      INTO v_buying, v_wanted
      FROM unnest(v_open) AS t (at) WHERE p_user_ids[t.at] = ANY (v_users);
    END IF;
    WHILE cardinality(v_turn) > 0 AND v_users IS NULL LOOP
      WITH turn AS MATERIALIZED (
        SELECT DISTINCT ON (user_id)
               p_user_ids[t.at] COLLATE "C" AS user_id, t.at, p_units[t.at] AS wanted
        FROM unnest(v_turn) AS t (at)
        ORDER BY user_id, t.at
      ), within AS (
        INSERT INTO buyer AS b (sale, sku, user_id, units)
        SELECT v_sku.sale, p_sku, t.user_id, t.wanted FROM turn t ORDER BY t.user_id
        ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
          WHERE b.units + excluded.units <= v_sku.user_limit
        RETURNING b.user_id
      )
      SELECT array_agg(t.at), array_agg(t.at ORDER BY t.at) FILTER (WHERE w.user_id IS NOT NULL),
             v_wanted + coalesce(sum(t.wanted) FILTER (WHERE w.user_id IS NOT NULL), 0)
      INTO v_looked_at, v_within, v_wanted
      FROM turn t LEFT JOIN within w ON w.user_id = t.user_id;

      v_buying := v_buying || coalesce(v_within, '{}');
      EXIT WHEN cardinality(v_looked_at) = cardinality(v_turn);
      v_turn := ARRAY(SELECT t.at FROM unnest(v_turn) AS t (at) WHERE t.at <> ALL (v_looked_at));
      v_turns := v_turns + 1;
    END LOOP;
    IF v_turns > 1 THEN
      v_buying := ARRAY(SELECT b.at FROM unnest(v_buying) AS b (at) ORDER BY b.at);
    END IF;

    -- 8. Slots. The fullest that nobody holds, one after the other. ORDER BY sees a slot as the
    --    snapshot has it, FOR UPDATE returns it as it is now. Fullest to within an eighth, by lot:
    --    strictly the fullest is the same one for all sessions, and each locked slot on the way to a
    --    free one costs a try (32 clients, 64 slots: CPU 620 -> 500 us a call).
    WHILE v_held < v_wanted AND NOT p_wait LOOP
      SELECT s.slot, s.remaining INTO v_slot, v_remaining
      FROM stock_slot s
      WHERE s.sku = p_sku AND s.remaining > 0 AND s.slot <> ALL (v_slots)
      ORDER BY s.remaining * (1 - random() / 8) DESC
      LIMIT 1
      FOR UPDATE SKIP LOCKED;
      IF FOUND THEN
        IF v_locked_at IS NULL THEN
          v_locked_at := clock_timestamp();
          v_passed_over := v_remaining < v_fullest * 0.875;
        END IF;
        v_slots := v_slots || v_slot;
        v_have := v_have || v_remaining;
        v_held := v_held + v_remaining;
        CONTINUE;
      END IF;
      EXIT WHEN v_held > 0 OR v_looks >= v_sku.pick_retries;
      -- Locked or empty? Only the sum over committed rows tells. No waiting for a lock from here on:
      -- a slot that was emptied since the snapshot may have been locked before it was left out.
      SELECT coalesce(sum(s.remaining), 0) INTO v_elsewhere FROM stock_slot s WHERE s.sku = p_sku;
      EXIT WHEN v_elsewhere = 0;
      PERFORM pg_sleep(v_sku.pick_retry_wait_us * 2 ^ v_looks / 1e6);
      v_looks := v_looks + 1;
    END LOOP;
    --    Or all of them, empty ones too, since units may be on their way back into those. With all in
    --    hand the answer is exact.
    IF p_wait AND v_wanted > 0 THEN
      SELECT array_agg(s.slot), array_agg(s.remaining), coalesce(sum(s.remaining), 0)
      INTO v_slots, v_have, v_held
      FROM (SELECT a.slot, a.remaining FROM stock_slot a
            WHERE a.sku = p_sku ORDER BY a.slot FOR UPDATE) s;
      v_locked_at := clock_timestamp();
    END IF;
    v_elsewhere := 0;
    IF v_held < v_wanted THEN
      SELECT coalesce(sum(s.remaining), 0) INTO v_elsewhere
      FROM stock_slot s WHERE s.sku = p_sku AND s.slot <> ALL (coalesce(v_slots, '{}'));
    END IF;

    -- 9. Hand the units out in order of arrival. Who does not fit does not block those behind.
    v_left := v_held;
    FOREACH i IN ARRAY v_buying LOOP
      IF p_units[i] <= v_left THEN
        v_got[i] := p_units[i];
      ELSIF p_accept_fewer[i] AND v_left > 0 AND v_elsewhere = 0 THEN
        v_got[i] := v_left;
      ELSIF v_left + v_elsewhere >= p_units[i] OR (p_accept_fewer[i] AND v_elsewhere > 0) THEN
        v_status[i] := 'locked';
        CONTINUE;
      ELSE
        CONTINUE;
      END IF;
      v_left := v_left - v_got[i];
      v_status[i] := 'ordered';
      v_order_no[i] := nextval('order_no');
      v_placed := v_placed || v_order_no[i];
    END LOOP;
    v_sold := v_held - v_left;

    -- 10. Who is left over: beyond the limit, or nothing there for him. Units of unpaid orders may
    --    come back, those of this very batch included.
    IF v_sold < v_wanted OR cardinality(v_buying) < cardinality(v_open) THEN
      v_units_may_return := v_sold > 0 AND v_sku.price > 0 OR EXISTS (
        SELECT FROM orders o
        WHERE o.sale = v_sku.sale AND o.sku = p_sku AND o.status = 'ordered')
        OR (v_sku.moved AND unpaid_elsewhere(v_sku.sale, p_sku));
      FOREACH i IN ARRAY v_open LOOP
        IF v_status[i] IS NOT NULL THEN
          CONTINUE;
        ELSIF i = ANY (v_buying) OR v_turn IS NULL THEN
          v_status[i] := 'sold_out';
          v_reason[i] := CASE WHEN v_units_may_return THEN 'units_may_return'
                              WHEN v_left + v_elsewhere > 0 THEN 'too_few_left' END;
        ELSE
          v_status[i] := 'limit_reached';
        END IF;
      END LOOP;
      -- What a user was credited with and did not get.
      UPDATE buyer b SET units = b.units - c.credited
      FROM (SELECT p_user_ids[w.at] AS user_id, sum(p_units[w.at] - v_got[w.at]) AS credited
            FROM unnest(v_buying) AS w (at) GROUP BY 1) c
      WHERE b.user_id = c.user_id AND b.sku = p_sku AND b.sale = v_sku.sale AND c.credited > 0;
      v_judged := ARRAY(SELECT j.at FROM unnest(v_judged) AS j (at)
                        WHERE v_status[j.at] <> 'locked');
    END IF;

    -- 11. Write it down: slots and their movements, orders, outcomes, the event.
    IF v_sold > 0 THEN
      v_left := v_sold;
      FOR i IN 1 .. cardinality(v_slots) LOOP
        v_take[i] := least(v_have[i], v_left);
        v_left := v_left - v_take[i];
      END LOOP;
      WITH drawn AS (
        UPDATE stock_slot s SET remaining = s.remaining - t.units
        FROM unnest(v_slots, v_take) AS t (slot, units)
        WHERE s.sku = p_sku AND s.slot = t.slot AND t.units > 0 AND s.remaining >= t.units
        RETURNING s.slot, t.units
      ), booked AS (
        INSERT INTO stock_movement (sale, sku, slot, kind, units)
        SELECT v_sku.sale, p_sku, d.slot, 'sale', -d.units FROM drawn d
        RETURNING units
      )
      SELECT -sum(b.units) INTO v_booked FROM booked b;
      IF v_booked IS DISTINCT FROM v_sold THEN
        RAISE EXCEPTION 'drew % units of % for orders of %', v_booked, p_sku, v_sold
          USING ERRCODE = 'FS500';
      END IF;

      INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                          pay_before)
      SELECT v_order_no[b.at], v_sku.sale, p_sku, p_request_ids[b.at], p_user_ids[b.at], v_got[b.at],
             v_got[b.at] * v_sku.price, v_sku.currency, v_sku.order_status, v_sku.pay_before
      FROM unnest(v_buying) AS b (at) WHERE v_got[b.at] > 0;

      INSERT INTO outbox (kind, sale, sku, order_nos)
      SELECT unnest(v_sku.events), v_sku.sale, p_sku, v_placed;
    END IF;

    WITH figures AS (
      INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots, waited,
                              passed_over, false_empty, retries, lock_us, total_us)
      SELECT now(), p_sku, 'place_orders', v_count, cardinality(v_placed),
             coalesce(cardinality(array_positions(v_status, 'locked')), 0), v_sold,
             coalesce(cardinality(v_slots), 0), p_wait, v_passed_over,
             v_looks + (v_held = 0 AND v_elsewhere > 0 AND v_wanted > 0)::int, v_looks,
             coalesce(extract(epoch FROM clock_timestamp() - v_locked_at) * 1e6, 0),
             extract(epoch FROM clock_timestamp() - now()) * 1e6
      WHERE v_sku.call_figures
    )
    INSERT INTO outcome (request_id, sale, sku, user_id, node, status, reason, order_no, units)
    SELECT p_request_ids[j.at], v_sku.sale, p_sku, p_user_ids[j.at], p_nodes[j.at],
           v_status[j.at], v_reason[j.at], v_order_no[j.at], v_got[j.at]
    FROM unnest(v_judged) AS j (at)
    ORDER BY p_request_ids[j.at];

    -- 12. The same request twice in one batch: one outcome, said twice.
    --    A copy behind one that was rejected as somebody else's was judged by the same old outcome.
    FOR i IN 1 .. v_count LOOP
      CONTINUE WHEN v_reason[v_first[i]] = 'request_id_taken';
      IF v_first[i] < i AND p_user_ids[i] = p_user_ids[v_first[i]] THEN
        v_status[i] := v_status[v_first[i]];
        v_reason[i] := v_reason[v_first[i]];
        v_order_no[i] := v_order_no[v_first[i]];
        v_got[i] := v_got[v_first[i]];
      ELSIF v_first[i] < i THEN
        v_status[i] := 'rejected';
        v_reason[i] := 'request_id_taken';
        v_order_no[i] := NULL;
        v_got[i] := 0;
      END IF;
    END LOOP;
    RETURN QUERY SELECT * FROM unnest(p_request_ids, v_status, v_reason, v_order_no, v_got);
  END;
END
$routine$;

ALTER FUNCTION :schema.place_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_orders IS
  'Decides a batch of purchase requests for one SKU; "locked" is not final: call again, p_wait';
REVOKE ALL ON FUNCTION :schema.place_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.place_orders TO flashsale_worker;
