-- place_mixed_batch: decides a batch that is not plain: requests that were decided before or are refused without the
-- stock, users at their limit or with several requests, units from several slots, locked slots, none left, or p_wait.
-- Part of place_orders, place_amounts, place_numbered and place_chosen.
--
-- Parameters
--   p_terms    the terms of the SKU that place_orders has read
--   p_routine  the routine that calls, for the figures: place_orders, its canary, place_amounts, place_numbered
--              or place_chosen
--   the others as in place_orders
-- Result: as in place_orders
-- Tables: reads fenced_node, catalog.sku, and for a SKU that has moved orders and outcome of the other schema; writes
--   buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order: 3 to 5 of place_orders
-- Errors: FS500 the books do not balance (a bug), or the caller takes no rows of unit; 23505 as in place_orders

CREATE OR REPLACE FUNCTION :schema.place_mixed_batch(
  p_terms        catalog.sku_terms,
  p_routine      text,
  p_request_ids  uuid[],
  p_user_ids     text[],
  p_units        int[],
  p_accept_fewer boolean[],
  p_nodes        text[],
  p_wait         boolean
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  -- The answer to each request. The position in these arrays is its position in the arguments.
  v_status    text[];
  v_reason    text[];
  v_order_no  bigint[];
  v_got       int[];
  v_first     int[];          -- position at which the same request id came first
  -- Sets of positions.
  v_judged    int[];          -- this call decides and records them
  v_open      int[];          -- not decided yet
  v_asking    int[] := '{}';  -- v_open, or none if no unit is free
  v_buying    int[];          -- those of v_asking that are within the limit
  v_slots     record;         -- the slots that this call has locked
  v_wanted    bigint := 0;
  v_left      bigint;         -- units in the locked slots that no request has got yet
  v_sold      bigint;
  v_booked    bigint;
  v_units_may_return boolean;
  v_short     text[];         -- users who were credited with more than they get
  i           int;
BEGIN
  -- An older place_orders, or a canary of one, must not sell packets or numbered units without taking their rows.
  IF p_routine NOT IN ('place_amounts', 'place_numbered', 'place_chosen')
     AND EXISTS (SELECT FROM catalog.sku k WHERE k.sku = p_terms.sku AND k.goods IN ('amounts', 'numbered')) THEN
    RAISE EXCEPTION '% takes no rows of unit, and the goods of % have them', p_routine, p_terms.sku USING ERRCODE = 'FS500';
  END IF;
  -- 1. Find the requests that have outcomes, and refuse those that can be refused without the stock.
  SELECT array_agg(j.status), array_agg(j.reason), array_agg(j.order_no), array_agg(j.units),
         array_agg(j.first_at), array_agg(j.at) FILTER (WHERE j.first_at = j.at AND NOT j.is_known),
         coalesce(array_agg(j.at) FILTER (WHERE j.first_at = j.at AND j.status IS NULL), '{}')
  INTO v_status, v_reason, v_order_no, v_got, v_first, v_judged, v_open
  FROM (SELECT * FROM judge_requests(p_terms, p_request_ids, p_user_ids, p_units, p_nodes)
        ORDER BY at) j;

  -- 2. If no unit is free, buyer is not touched. The look sees committed rows, also of locked slots.
  IF EXISTS (SELECT FROM current_slots(p_terms.sku) s WHERE s.remaining > 0) THEN v_asking := v_open; END IF;

  -- 3. Apply the limit of each user.
  v_buying := credit_buyers(p_terms, v_asking, p_user_ids, p_units);
  SELECT coalesce(sum(p_units[b.at]), 0) INTO v_wanted FROM unnest(v_buying) AS b (at);

  -- 4. Lock slots until they have as many units as are wanted, or no more can be locked.
  SELECT l.* INTO v_slots FROM lock_slots(p_terms, v_wanted, p_wait) l;

  -- 5. Give the units to the requests in order of arrival. A request that does not fit blocks no other.
  v_left := v_slots.held;
  FOREACH i IN ARRAY v_buying LOOP
    IF p_units[i] <= v_left THEN
      v_got[i] := p_units[i];
    ELSIF p_accept_fewer[i] AND v_left > 0 AND v_slots.elsewhere = 0 THEN
      v_got[i] := v_left;
    ELSIF v_left + v_slots.elsewhere >= p_units[i] OR (p_accept_fewer[i] AND v_slots.elsewhere > 0) THEN
      v_status[i] := 'locked';
      CONTINUE;
    ELSE
      CONTINUE;
    END IF;
    v_left := v_left - v_got[i];
    v_status[i] := 'ordered';
    v_order_no[i] := nextval('order_no');
  END LOOP;
  v_sold := v_slots.held - v_left;

  -- 6. The other requests are beyond the limit, or no units are left for them. Units of unpaid orders may
  --    come back, also those of this batch.
  IF v_sold < v_wanted OR cardinality(v_buying) < cardinality(v_open) THEN
    v_units_may_return := v_sold > 0 AND p_terms.price > 0 OR EXISTS (
      SELECT FROM orders o
      WHERE o.sale = p_terms.sale AND o.sku = p_terms.sku AND o.status = 'ordered')
      OR (p_terms.moved AND unpaid_elsewhere(p_terms.sale, p_terms.sku));
    v_short := ARRAY(SELECT p_user_ids[b.at] FROM unnest(v_buying) AS b (at) WHERE p_units[b.at] > v_got[b.at]);
    FOREACH i IN ARRAY v_open LOOP
      IF v_status[i] IS NOT NULL THEN
        CONTINUE;
      ELSIF i = ANY (v_buying) OR cardinality(v_asking) = 0 THEN
        v_status[i] := 'sold_out';
        v_reason[i] := CASE WHEN v_units_may_return THEN 'units_may_return'
                            WHEN v_left + v_slots.elsewhere > 0 THEN 'too_few_left' END;
      ELSE  -- An earlier request may have counted with units that it did not get. The next call judges without them.
        v_status[i] := CASE WHEN p_user_ids[i] = ANY (v_short) THEN 'locked' ELSE 'limit_reached' END;
      END IF;
    END LOOP;
    -- Take back the units that were credited to users who did not get them.
    PERFORM lower_buyers(p_terms.sale, p_terms.sku, array_agg(p_user_ids[b.at]), array_agg(p_units[b.at] - v_got[b.at]))
    FROM unnest(v_buying) AS b (at) WHERE p_units[b.at] > v_got[b.at];
  END IF;

  -- 7. Write slots, movements, events, orders and outcomes. (If plain batches used the same code, they would
  --    take two more statements with arrays: CPU of a single order 1.31 instead of 1.14 times that of docs/decisions/0026.)
  v_judged := ARRAY(SELECT j.at FROM unnest(v_judged) AS j (at) WHERE v_status[j.at] <> 'locked');
  WITH taken AS (
    SELECT t.slot, least(t.remaining, v_sold - t.before)::int AS units
    FROM (SELECT h.slot, h.remaining, sum(h.remaining) OVER (ORDER BY h.at) - h.remaining AS before
          FROM unnest(v_slots.slots, v_slots.remaining) WITH ORDINALITY AS h (slot, remaining, at)) t
    WHERE t.before < v_sold
  ), drawn AS (
    UPDATE stock_slot s SET remaining = s.remaining - t.units
    FROM taken t
    WHERE s.sku = p_terms.sku AND s.slot = t.slot AND t.units > 0 AND s.remaining >= t.units
    RETURNING s.slot, t.units
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT p_terms.sale, p_terms.sku, d.slot, 'sale', -d.units FROM drawn d
    RETURNING units
  )
  SELECT coalesce(-sum(b.units), 0) INTO v_booked FROM booked b;
  IF v_booked <> v_sold THEN
    RAISE EXCEPTION 'drew % units of % for orders of %', v_booked, p_terms.sku, v_sold
      USING ERRCODE = 'FS500';
  END IF;

  WITH decided AS MATERIALIZED (
    SELECT p_request_ids[j.at] AS request_id, p_user_ids[j.at] AS user_id, p_nodes[j.at] AS node,
           v_status[j.at] AS status, v_reason[j.at] AS reason, v_order_no[j.at] AS order_no, v_got[j.at] AS units
    FROM unnest(v_judged) AS j (at)
  ), figures AS (
    INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots, waited,
                            passed_over, false_empty, retries, lock_us, total_us)
    SELECT now(), p_terms.sku, p_routine, cardinality(p_request_ids), count(d.order_no),
           coalesce(cardinality(array_positions(v_status, 'locked')), 0), v_sold,
           cardinality(v_slots.slots), p_wait, v_slots.passed_over,
           v_slots.retries + (v_slots.held = 0 AND v_slots.elsewhere > 0 AND v_wanted > 0)::int,
           v_slots.retries,
           coalesce(extract(epoch FROM clock_timestamp() - v_slots.locked_at) * 1e6, 0),
           extract(epoch FROM clock_timestamp() - now()) * 1e6
    FROM decided d HAVING p_terms.call_figures
  ), placed AS (
    INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status,
                        pay_before)
    SELECT d.order_no, p_terms.sale, p_terms.sku, d.request_id, d.user_id, d.units,
           d.units * p_terms.price, p_terms.currency,
           CASE WHEN p_terms.price = 0 THEN 'paid' ELSE 'ordered' END, now() + p_terms.pay_window
    FROM decided d WHERE d.status = 'ordered'
  ), announced AS (
    INSERT INTO outbox (kind, sale, sku, order_nos)
    SELECT unnest(CASE WHEN p_terms.price = 0 THEN '{placed,paid}' ELSE '{placed}' END::text[]),
           p_terms.sale, p_terms.sku, array_agg(d.order_no)
    FROM decided d WHERE d.status = 'ordered'
    HAVING count(*) > 0
  )
  INSERT INTO outcome (request_id, sale, sku, user_id, node, status, reason, order_no, units)
  SELECT d.request_id, p_terms.sale, p_terms.sku, d.user_id, d.node, d.status, d.reason, d.order_no,
         d.units
  FROM decided d
  ORDER BY d.request_id;

  -- 8. A request that comes twice in the batch gets its one outcome in both rows. After request_id_taken
  --    nothing is copied: the old outcome has judged the later copy too.
  FOR i IN 1 .. cardinality(p_request_ids) LOOP
    CONTINUE WHEN v_first[i] = i OR v_reason[v_first[i]] = 'request_id_taken';
    IF p_user_ids[i] = p_user_ids[v_first[i]] THEN
      v_status[i] := v_status[v_first[i]];
      v_reason[i] := v_reason[v_first[i]];
      v_order_no[i] := v_order_no[v_first[i]];
      v_got[i] := v_got[v_first[i]];
    ELSE
      v_status[i] := 'rejected';
      v_reason[i] := 'request_id_taken';
      v_order_no[i] := NULL;
      v_got[i] := 0;
    END IF;
  END LOOP;

  RETURN QUERY SELECT * FROM unnest(p_request_ids, v_status, v_reason, v_order_no, v_got);
END
$routine$;

ALTER FUNCTION :schema.place_mixed_batch OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_mixed_batch IS
  'Decides a batch of purchase requests that is not plain: part of place_orders';
REVOKE ALL ON FUNCTION :schema.place_mixed_batch FROM PUBLIC;
