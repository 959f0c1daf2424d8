-- place_chosen: decides a batch of requests for one numbered SKU that name the units they want, in one short transaction.
-- A request gets all its units or none. Requests that leave the choice to the shop go to place_orders.
--
-- Parameters: NULL is not allowed, save in p_wait
--   p_sku, p_request_ids, p_user_ids, p_units, p_nodes, p_wait  as in place_orders
--   p_positions  the units that the first request wants, then those of the second one, and so on (unit.position)
-- Result: as in place_orders, in the order of the arguments. Of two requests of the batch for one unit, the first gets it
--   rejected  also with the reason seats_taken: an order has one of the units; leaves_single: a single unit would be
--             left, and other units would leave none (section.singles = avoid); bad_units: no such units
--   locked    also: other transactions hold one of the units, or an earlier request of this batch decides about it
-- Tables: reads catalog.sku_terms, catalog.section, fenced_node; writes unit, buyer, stock_slot, stock_movement, orders,
--   outcome, outbox, place_call
-- Locks, in order
--   1. the advisory lock of the SKU, shared (move_sku takes it exclusively)
--   2. the advisory lock of each web node of the batch, shared, ascending (fence_node takes it exclusively)
--   3. the unit rows that are named and free, ascending: only unlocked ones (SKIP LOCKED); with p_wait it waits for them
--   4. the locks 3 to 5 of place_orders; then the outcome keys of what is rejected here, ascending
-- Errors: FS001 malformed arguments, or the SKU is not numbered; FS500 the books do not balance (a bug); 23505 as in place_orders

CREATE OR REPLACE FUNCTION :schema.place_chosen(
  p_sku text, p_request_ids uuid[], p_user_ids text[], p_units int[], p_positions int[], p_nodes text[],
  p_wait boolean DEFAULT false
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $routine$
#variable_conflict use_column
DECLARE
  v_count   int := cardinality(p_request_ids);
  v_terms   catalog.sku_terms;
  v_open    record;
  v_singles boolean := (SELECT s.singles = 'allow' FROM catalog.section s WHERE s.sku = p_sku);
  v_judged  record;
  v_ends    int[];           -- p_positions[v_ends[i] - p_units[i] + 1 : v_ends[i]] are the units that request i names
  v_mine    int[];
  v_held    int[];           -- units that this call has locked
  v_seen    record;          -- what is committed of the named units, and of those near them
  v_low     int;             -- v_left[n - v_low] is 1 if the unit n is free, and 2 if an earlier request may get it
  v_left    int[];
  v_best    int[];           -- the best free units
  v_better  boolean[];       -- by the number of units that are wanted: whether such units leave no single one
  v_flawed  boolean;
  v_ask     int[] := '{}';   -- requests that are decided as for counted goods
  v_buying  int[] := '{}';   -- those of them that may get their units
  v_claimed int[] := '{}';   -- the units of these
  v_beaten  int[] := '{}';   -- requests for such units
  v_new     record;          -- the orders that this call has placed
  v_given   int[] := '{}';   -- their units
  -- The answer to each request. The position in these arrays is its position in the arguments.
  v_status  text[] := array_fill('locked'::text, ARRAY[v_count]);
  v_reason  text[] := array_fill(NULL::text, ARRAY[v_count]);
  v_orders  bigint[] := array_fill(NULL::bigint, ARRAY[v_count]);
  v_got     int[] := array_fill(0, ARRAY[v_count]);
  v_why     text;
  v_row     record;
  i         int;
BEGIN
  -- 1. Check the arguments.
  IF p_sku IS NULL OR v_count IS NULL
     OR (cardinality(p_user_ids), cardinality(p_units), cardinality(p_nodes)) IS DISTINCT FROM (v_count, v_count, v_count)
     OR array_position(p_request_ids, NULL) > 0 OR array_position(p_user_ids, NULL) > 0
     OR array_position(p_units, NULL) > 0 OR array_position(p_nodes, NULL) > 0 OR array_position(p_positions, NULL) > 0
     OR NOT 1 <= ALL (p_units)
     OR cardinality(p_positions) IS DISTINCT FROM (SELECT sum(u.units) FROM unnest(p_units) AS u (units))::int THEN
    RAISE EXCEPTION 'place_chosen takes arrays of the same length, without NULL, and the position of each unit'
      USING ERRCODE = 'FS001';
  END IF;

  -- 2. Lock before anything is read, and answer requests that cannot be decided here or now.
  SELECT b.answer, b.why INTO v_open FROM open_batch(p_sku, p_nodes) b;
  IF v_open.answer IS NOT NULL THEN
    RETURN QUERY SELECT r.id, v_open.answer, v_open.why, NULL::bigint, 0 FROM unnest(p_request_ids) AS r (id);
    RETURN;
  END IF;
  SELECT t.* INTO v_terms FROM catalog.sku_terms t WHERE t.sku = p_sku;
  IF v_singles IS NULL OR v_count > v_terms.batch_requests_max THEN
    RAISE EXCEPTION 'place_chosen takes up to % requests for numbered goods', v_terms.batch_requests_max
      USING ERRCODE = 'FS001';
  END IF;

  -- 3. Lock the units before buyers and slots. Then look: only committed rows tell whether an order has a unit.
  IF p_wait THEN
    v_held := ARRAY(SELECT u.position FROM unit u WHERE u.sale = v_terms.sale AND u.sku = p_sku AND u.order_no IS NULL
                    AND u.position = ANY (p_positions) ORDER BY u.position FOR UPDATE);
  ELSE
    v_held := ARRAY(SELECT u.position FROM unit u WHERE u.sale = v_terms.sale AND u.sku = p_sku AND u.order_no IS NULL
                    AND u.position = ANY (p_positions) ORDER BY u.position FOR UPDATE SKIP LOCKED);
  END IF;
  SELECT coalesce(array_agg(u.position), '{}') AS units,
         coalesce(array_agg(u.position) FILTER (WHERE u.order_no IS NOT NULL), '{}') AS taken,
         coalesce(array_agg(u.position) FILTER (WHERE u.order_no IS NULL), '{}') AS free
  INTO v_seen FROM unit u
  WHERE u.sale = v_terms.sale AND u.sku = p_sku
    AND u.position = ANY (ARRAY(SELECT DISTINCT n.position + d.away
                                FROM unnest(p_positions) AS n (position) CROSS JOIN generate_series(-2, 2) AS d (away)));
  -- To look through all of these for each request took seconds for a large batch.
  SELECT min(f.at) - 1, array_fill(0, ARRAY[coalesce(max(f.at) - min(f.at) + 1, 0)]) INTO v_low, v_left
  FROM unnest(v_seen.free) AS f (at);
  FOREACH i IN ARRAY v_seen.free LOOP v_left[i - v_low] := 1; END LOOP;
  SELECT array_agg(j.first_at = j.at ORDER BY j.at) AS firsts, array_agg(j.status ORDER BY j.at) AS status INTO v_judged
  FROM judge_requests(v_terms, p_request_ids, p_user_ids, p_units, p_nodes) j;
  v_ends := ARRAY(SELECT sum(u.units) OVER (ORDER BY u.at)
                  FROM unnest(p_units) WITH ORDINALITY AS u (units, at) ORDER BY u.at);

  -- 4. Find the requests whose units are here, in order of arrival. A request that was decided before, or is refused
  --    whatever its units are, is left to place_mixed_batch. A copy of a request is asked again, and has its outcome then.
  FOR i IN 1 .. v_count LOOP
    CONTINUE WHEN NOT v_judged.firsts[i];
    IF v_judged.status[i] IS NOT NULL THEN
      v_ask := v_ask || i;
      CONTINUE;
    END IF;
    v_mine := p_positions[v_ends[i] - p_units[i] + 1 : v_ends[i]];
    v_why := CASE
      WHEN NOT v_mine <@ v_seen.units OR p_units[i] <> (SELECT count(DISTINCT m.at) FROM unnest(v_mine) AS m (at))
        THEN 'bad_units'
      WHEN v_mine && v_seen.taken THEN 'seats_taken' END;
    v_flawed := v_why IS NULL AND v_mine <@ v_held AND NOT v_singles AND catalog.leaves_single(ARRAY(
      SELECT m.at + d.away FROM unnest(v_mine) AS m (at) CROSS JOIN generate_series(-2, 2) AS d (away)
      WHERE v_left[m.at + d.away - v_low] > 0), v_mine);
    IF v_flawed THEN
      v_best := coalesce(v_best, ARRAY(
        SELECT u.position FROM unit u WHERE u.sale = v_terms.sale AND u.sku = p_sku AND u.order_no IS NULL
        ORDER BY u.position LIMIT 1000));
      v_better[p_units[i]] := coalesce(v_better[p_units[i]], (
        SELECT c.flaws = 0 FROM catalog.choose_units(v_best, ARRAY[p_units[i]], false) c));
      IF v_better[p_units[i]] THEN v_why := 'leaves_single'; END IF;
    END IF;
    IF v_why IS NOT NULL THEN
      v_status[i] := 'rejected';
      v_reason[i] := v_why;
    ELSIF v_mine && v_claimed THEN
      v_beaten := v_beaten || i;
    -- Whether a single unit is left depends on what becomes of an earlier request: ask again.
    ELSIF v_mine <@ v_held AND (v_singles OR v_flawed OR v_claimed = '{}' OR NOT catalog.leaves_single(ARRAY(
            SELECT m.at + d.away FROM unnest(v_mine) AS m (at) CROSS JOIN generate_series(-2, 2) AS d (away)
            WHERE v_left[m.at + d.away - v_low] = 1), v_mine)) THEN
      v_ask := v_ask || i;
      v_buying := v_buying || i;
      v_claimed := v_claimed || v_mine;
      FOR n IN 1 .. p_units[i] LOOP v_left[v_mine[n] - v_low] := 2; END LOOP;
    END IF;
  END LOOP;

  -- 5. Decide them as requests for counted goods, and give the new orders their units.
  IF v_ask <> '{}' THEN
    FOR v_row IN
      SELECT d.* FROM place_mixed_batch(
        v_terms, 'place_chosen',
        ARRAY(SELECT p_request_ids[a.at] FROM unnest(v_ask) WITH ORDINALITY AS a (at, n) ORDER BY a.n),
        ARRAY(SELECT p_user_ids[a.at] FROM unnest(v_ask) WITH ORDINALITY AS a (at, n) ORDER BY a.n),
        ARRAY(SELECT p_units[a.at] FROM unnest(v_ask) WITH ORDINALITY AS a (at, n) ORDER BY a.n),
        array_fill(false, ARRAY[cardinality(v_ask)]),
        ARRAY(SELECT p_nodes[a.at] FROM unnest(v_ask) WITH ORDINALITY AS a (at, n) ORDER BY a.n), p_wait)
        WITH ORDINALITY AS d (request_id, status, reason, order_no, units, n)
    LOOP
      i := v_ask[v_row.n];
      v_status[i] := v_row.status;
      v_reason[i] := v_row.reason;
      v_orders[i] := v_row.order_no;
      v_got[i] := v_row.units;
    END LOOP;
    SELECT array_agg(o.order_no ORDER BY b.at) AS orders, array_agg(o.units ORDER BY b.at) AS units,
           coalesce(array_agg(b.at), '{}') AS at
    INTO v_new FROM unnest(v_buying) AS b (at) JOIN orders o ON o.sale = v_terms.sale AND o.order_no = v_orders[b.at]
    WHERE o.created_at = now();
    v_given := ARRAY(SELECT p_positions[v_ends[n.at] - p_units[n.at] + g.nth]
                     FROM unnest(v_new.at) AS n (at) CROSS JOIN LATERAL generate_series(1, p_units[n.at]) AS g (nth)
                     ORDER BY n.at, g.nth);
    IF v_given <> '{}' THEN
      PERFORM give_units(v_terms.sale, p_sku, v_held, v_new.orders, v_new.units, v_given);
    END IF;
  END IF;

  -- 6. Record what was rejected. An earlier request of this batch may not have got the unit: then it is asked again.
  FOREACH i IN ARRAY v_beaten LOOP
    CONTINUE WHEN NOT p_positions[v_ends[i] - p_units[i] + 1 : v_ends[i]] && v_given;
    v_status[i] := 'rejected';
    v_reason[i] := 'seats_taken';
  END LOOP;
  INSERT INTO outcome (request_id, sale, sku, user_id, node, status, reason, units)
  SELECT p_request_ids[a.at], v_terms.sale, p_sku, p_user_ids[a.at], p_nodes[a.at], 'rejected', v_reason[a.at], 0
  FROM generate_series(1, v_count) AS a (at)
  WHERE v_status[a.at] = 'rejected' AND a.at <> ALL (v_ask)
  ORDER BY 1;
  RETURN QUERY SELECT * FROM unnest(p_request_ids, v_status, v_reason, v_orders, v_got);
END
$routine$;

ALTER FUNCTION :schema.place_chosen OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_chosen IS
  'Decides a batch of requests for one numbered SKU that name their units; locked is not final: call again with p_wait';
REVOKE ALL ON FUNCTION :schema.place_chosen FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.place_chosen TO flashsale_worker;
