-- place_daily: decides a batch of requests for one daily SKU, in one short transaction: each user gets one unit
-- for each day. place_orders calls it for daily SKUs; workers call it at once for requests that say their day.
--
-- Parameters: NULL is not allowed, save where it is named
--   p_sku, p_request_ids, p_user_ids, p_nodes  as in place_orders
--   p_days         the day on which the user pressed, by the calendar of the SKU's zone. A request that waited
--                  over midnight is still for its own day. Yesterday, today and a day that begins within a minute are
--                  believed, because clocks differ; any other day, and NULL, is today. NULL instead of the array: today for all
-- Result: as in place_orders, in the order of the arguments. ordered: the user's unit of the day, already paid;
--   limit_reached: the user has the unit of that day, or of a later one
-- Tables: reads catalog.sku, catalog.sku_terms, fenced_node, and for a SKU that has moved orders and outcome of the other
--   schema; writes buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order
--   1. the advisory lock of the SKU, shared (move_sku takes it exclusively)
--   2. the advisory lock of each web node of the batch, shared, ascending (fence_node takes it exclusively)
--   3. buyer rows, ascending by user
--   4. one stock_slot row: an unlocked one (SKIP LOCKED), or the first one, for which it waits
--   5. outcome keys, ascending by request id
-- Errors: FS001 malformed arguments, or the SKU is not daily; FS500 no slot has enough units (a bug: the stock
--   does not end); 23505 another session is deciding the same request: call again

CREATE OR REPLACE FUNCTION :schema.place_daily(
  p_sku text, p_request_ids uuid[], p_user_ids text[], p_nodes text[], p_days date[] DEFAULT NULL
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $routine$
#variable_conflict use_column
DECLARE
  v_count    int := cardinality(p_request_ids);
  v_terms    catalog.sku_terms;
  v_zone     text;
  v_open     record;
  v_today    date;
  v_days     date[];
  -- The answer to each request. The position in these arrays is its position in the arguments.
  v_status   text[];
  v_reason   text[];
  v_order_no bigint[];
  v_units    int[];
  v_streak   int[];
  v_first    int[];          -- position at which the same request id came first
  -- Sets of positions.
  v_judged   int[];          -- this call decides and records them
  v_turn     int[];          -- not credited yet
  v_got      int[] := '{}';  -- they get their unit
  v_round    record;
  v_slot     int;
  v_locked_at timestamptz;
BEGIN
  -- 1. Check the arguments.
  IF p_sku IS NULL OR v_count IS NULL
     OR (cardinality(p_user_ids), cardinality(p_nodes), coalesce(cardinality(p_days), v_count))
        IS DISTINCT FROM (v_count, v_count, v_count)
     OR array_position(p_request_ids, NULL) > 0 OR array_position(p_user_ids, NULL) > 0
     OR array_position(p_nodes, NULL) > 0 THEN
    RAISE EXCEPTION 'place_daily takes arrays of the same length, without NULL' USING ERRCODE = 'FS001';
  END IF;

  -- 2. Lock before anything is read, and answer requests that cannot be decided here or now.
  SELECT b.answer, b.why INTO v_open FROM open_batch(p_sku, p_nodes) b;
  IF v_open.answer IS NOT NULL THEN
    RETURN QUERY SELECT r.id, v_open.answer, v_open.why, NULL::bigint, 0 FROM unnest(p_request_ids) AS r (id);
    RETURN;
  END IF;
  SELECT t.* INTO v_terms FROM catalog.sku_terms t WHERE t.sku = p_sku;
  v_zone := (SELECT k.zone FROM catalog.sku k WHERE k.sku = p_sku AND k.goods = 'daily');
  IF v_zone IS NULL OR v_count > v_terms.batch_requests_max THEN
    RAISE EXCEPTION 'place_daily takes up to % requests for a daily SKU', v_terms.batch_requests_max
      USING ERRCODE = 'FS001';
  END IF;
  v_today := (now() AT TIME ZONE v_zone)::date;
  v_days := ARRAY(SELECT CASE WHEN d.day BETWEEN v_today - 1 AND ((now() + interval '1 min') AT TIME ZONE v_zone)::date
                              THEN d.day ELSE v_today END
                  FROM generate_series(1, v_count) AS a (at)
                  CROSS JOIN LATERAL (SELECT p_days[a.at]) AS d (day) ORDER BY a.at);

  -- 3. Find the requests that have outcomes, and refuse those that can be refused without the buyers.
  SELECT array_agg(j.status), array_agg(j.reason), array_agg(j.order_no), array_agg(j.units),
         array_agg(j.first_at), array_agg(j.at) FILTER (WHERE j.first_at = j.at AND NOT j.is_known),
         coalesce(array_agg(j.at) FILTER (WHERE j.first_at = j.at AND j.status IS NULL), '{}')
  INTO v_status, v_reason, v_order_no, v_units, v_first, v_judged, v_turn
  FROM (SELECT * FROM judge_requests(v_terms, p_request_ids, p_user_ids,
                                     array_fill(1, ARRAY[v_count]), p_nodes) ORDER BY at) j;

  -- 4. Credit each user for the day, once. A round takes one request of each user, in order of arrival; later
  --    rounds touch only rows that the first one has locked, so the locks are in the order of the users.
  WHILE cardinality(v_turn) > 0 LOOP
    WITH turn AS MATERIALIZED (
      SELECT DISTINCT ON (user_id) p_user_ids[t.at] COLLATE "C" AS user_id, t.at, v_days[t.at] AS day
      FROM unnest(v_turn) AS t (at) ORDER BY user_id, t.at
    ), credited AS (
      INSERT INTO buyer AS b (sale, sku, user_id, units, last_day, streak)
      SELECT v_terms.sale, p_sku, t.user_id, 1, t.day, 1 FROM turn t ORDER BY t.user_id
      ON CONFLICT (user_id, sku, sale) DO UPDATE
        SET units = b.units + 1, last_day = excluded.last_day,
            streak = CASE WHEN b.last_day = excluded.last_day - 1 THEN b.streak + 1 ELSE 1 END
        WHERE (b.last_day < excluded.last_day) IS NOT FALSE
      RETURNING b.user_id, b.streak
    )
    SELECT array_agg(t.at) AS looked, array_agg(t.at) FILTER (WHERE c.streak > 0) AS got,
           array_agg(c.streak) FILTER (WHERE c.streak > 0) AS streaks
    INTO v_round
    FROM turn t LEFT JOIN credited c ON c.user_id = t.user_id;
    FOR i IN 1 .. coalesce(cardinality(v_round.got), 0) LOOP
      v_streak[v_round.got[i]] := v_round.streaks[i];
    END LOOP;
    v_got := v_got || coalesce(v_round.got, '{}');
    v_turn := ARRAY(SELECT t.at FROM unnest(v_turn) AS t (at) WHERE t.at <> ALL (v_round.looked));
  END LOOP;
  FOR i IN 1 .. v_count LOOP
    CONTINUE WHEN v_status[i] IS NOT NULL OR v_first[i] <> i;
    v_status[i] := CASE WHEN i = ANY (v_got) THEN 'ordered' ELSE 'limit_reached' END;
    v_units[i] := (i = ANY (v_got))::int;
    IF i = ANY (v_got) THEN v_order_no[i] := nextval('order_no'); END IF;
  END LOOP;

  -- 5. Draw the units from one slot.
  IF v_got <> '{}' THEN
    SELECT s.slot INTO v_slot FROM stock_slot s
    WHERE s.sku = p_sku AND s.remaining >= cardinality(v_got)
      AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
    ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF v_slot IS NULL THEN
      SELECT s.slot INTO v_slot FROM stock_slot s
      WHERE s.sku = p_sku AND s.remaining >= cardinality(v_got) ORDER BY s.slot LIMIT 1 FOR UPDATE;
    END IF;
    v_locked_at := clock_timestamp();
    UPDATE stock_slot s SET remaining = s.remaining - cardinality(v_got)
    WHERE s.sku = p_sku AND s.slot = v_slot AND s.remaining >= cardinality(v_got);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no slot of % has % units', p_sku, cardinality(v_got) USING ERRCODE = 'FS500';
    END IF;
  END IF;

  -- 6. Write the movement, the events, the orders and the outcomes.
  WITH decided AS MATERIALIZED (
    SELECT p_request_ids[j.at] AS request_id, p_user_ids[j.at] AS user_id, p_nodes[j.at] AS node,
           v_status[j.at] AS status, v_reason[j.at] AS reason, v_order_no[j.at] AS order_no,
           v_units[j.at] AS units, v_days[j.at] AS day, v_streak[j.at] AS streak
    FROM unnest(v_judged) AS j (at)
  ), figures AS (
    INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots, waited,
                            passed_over, false_empty, retries, lock_us, total_us)
    SELECT now(), p_sku, 'place_daily', v_count, cardinality(v_got), 0, cardinality(v_got),
           (v_slot IS NOT NULL)::int, false, false, 0, 0,
           coalesce(extract(epoch FROM clock_timestamp() - v_locked_at) * 1e6, 0),
           extract(epoch FROM clock_timestamp() - now()) * 1e6
    WHERE v_terms.call_figures
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT v_terms.sale, p_sku, v_slot, 'sale', -cardinality(v_got) WHERE v_slot IS NOT NULL
  ), placed AS (
    INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                        pay_before, day, streak)
    SELECT d.order_no, v_terms.sale, p_sku, d.request_id, d.user_id, 1, 0, v_terms.currency, 'paid',
           now() + v_terms.pay_window, d.day, d.streak
    FROM decided d WHERE d.status = 'ordered'
  ), announced AS (
    INSERT INTO outbox (kind, sale, sku, order_nos)
    SELECT unnest('{placed,paid}'::text[]), v_terms.sale, p_sku, array_agg(d.order_no)
    FROM decided d WHERE d.status = 'ordered' HAVING count(*) > 0
  )
  INSERT INTO outcome (request_id, sale, sku, user_id, node, status, reason, order_no, units)
  SELECT d.request_id, v_terms.sale, p_sku, d.user_id, d.node, d.status, d.reason, d.order_no, d.units
  FROM decided d ORDER BY d.request_id;

  -- 7. A request that comes twice in the batch gets its one outcome in both rows (see place_mixed_batch).
  RETURN QUERY
  SELECT p_request_ids[a.at],
         CASE WHEN f.same THEN v_status[f.at] ELSE 'rejected' END,
         CASE WHEN f.same THEN v_reason[f.at] ELSE 'request_id_taken' END,
         CASE WHEN f.same THEN v_order_no[f.at] END, CASE WHEN f.same THEN v_units[f.at] ELSE 0 END
  FROM generate_series(1, v_count) AS a (at)
  CROSS JOIN LATERAL (SELECT CASE WHEN v_reason[v_first[a.at]] = 'request_id_taken' THEN a.at
                                  ELSE v_first[a.at] END AS at) n
  CROSS JOIN LATERAL (SELECT n.at, p_user_ids[n.at] = p_user_ids[a.at] AS same) f
  ORDER BY a.at;
END
$routine$;

ALTER FUNCTION :schema.place_daily OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_daily IS
  'Decides a batch of requests for one daily SKU: each user gets one unit for each day';
REVOKE ALL ON FUNCTION :schema.place_daily FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.place_daily TO flashsale_worker;
