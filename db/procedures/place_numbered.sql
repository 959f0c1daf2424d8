-- place_numbered: decides a batch of requests for numbered goods. Each order gets the best free units, side by side if
-- several are wanted (choose_units). The slots decide whether there are some, as for all goods, and the rows of unit
-- say which ones. Part of place_orders, which has checked the arguments, taken the first locks and read the terms.
--
-- Parameters
--   p_terms  the terms of the SKU that place_orders has read
--   the others as in place_orders
-- Result: as in place_orders, in the order of the arguments. ordered: the order has its units (order_units). locked:
--   units are free, but other transactions hold them
-- Tables: reads catalog.section, fenced_node; writes unit, buyer, stock_slot, stock_movement, orders, outcome, outbox,
--   place_call
-- Locks, in order
--   1. unit rows: only those that nobody holds (SKIP LOCKED); with p_wait the next free ones, ascending, for which it
--      waits. Some more than are wanted, so that there is a choice
--   2. the locks 3 to 5 of place_orders
-- Errors: FS500 the books do not balance (a bug); 23505 as in place_orders

CREATE OR REPLACE FUNCTION :schema.place_numbered(
  p_terms        catalog.sku_terms,
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
  v_count   int := cardinality(p_request_ids);
  v_ask     int := v_count;  -- so many requests, from the first one, are decided now
  v_singles boolean := (SELECT s.singles = 'allow' FROM catalog.section s WHERE s.sku = p_terms.sku);
  v_most    int;             -- the most units of a request; one beyond the limit gets none
  v_wanted  int;
  v_held    int[];           -- positions of the units that this call has locked
  v_more    int[];
  v_chosen  int[];
  v_flaws   int := 0;
  v_status  text[];
  v_reason  text[];
  v_orders  bigint[];
  v_got     int[];
  v_new     record;
BEGIN
  -- 1. Lock units before buyers and slots. A call that has units of a slot then never looks for their rows in vain.
  SELECT max(w.units), sum(w.units) INTO v_most, v_wanted
  FROM (SELECT CASE WHEN u.units BETWEEN 1 AND p_terms.user_limit THEN u.units ELSE 0 END AS units
        FROM unnest(p_units) AS u (units)) w;
  v_held := lock_units(p_terms.sale, p_terms.sku, 0,
                       v_wanted + CASE WHEN v_singles AND v_most < 2 THEN 0 ELSE 2 * v_most + 2 END, p_wait);

  -- 2. If there are too few, others may hold the rest: only committed rows tell. Then decide the requests for which
  --    there are units here. If nobody else holds any, the slots have no more units either, and say so to the others.
  IF cardinality(v_held) < v_wanted AND EXISTS (
    SELECT FROM unit u WHERE u.sale = p_terms.sale AND u.sku = p_terms.sku AND u.order_no IS NULL
      AND u.position <> ALL (v_held)) THEN
    v_ask := (SELECT count(*) FROM (
                SELECT sum(CASE WHEN u.units BETWEEN 1 AND p_terms.user_limit THEN u.units ELSE 0 END)
                         OVER (ORDER BY u.at) AS units
                FROM unnest(p_units) WITH ORDINALITY AS u (units, at)) w
              WHERE w.units <= cardinality(v_held));
  END IF;

  -- 3. Choose. If somebody's units are not side by side, or a single one is left, look at up to 1,000 more units.
  IF v_ask = v_count AND cardinality(v_held) >= v_wanted AND 0 < ALL (p_units) AND p_terms.user_limit >= ALL (p_units) THEN
    SELECT c.chosen, c.flaws INTO v_chosen, v_flaws FROM catalog.choose_units(v_held, p_units, v_singles) c;
    WHILE v_flaws > 0 AND cardinality(v_held) < v_wanted + 1000 LOOP
      v_more := lock_units(p_terms.sale, p_terms.sku, v_held[cardinality(v_held)], 4 * cardinality(v_held), false);
      EXIT WHEN v_more = '{}';
      v_held := v_held || v_more;
      SELECT c.chosen, c.flaws INTO v_chosen, v_flaws FROM catalog.choose_units(v_held, p_units, v_singles) c;
    END LOOP;
  END IF;

  -- 4. Decide them as requests for counted goods.
  IF v_chosen IS NOT NULL AND NOT p_wait AND EXISTS (
    SELECT FROM plain_any_terms(p_terms.sku, p_request_ids, p_user_ids, p_units, p_nodes)) THEN
    SELECT array_agg(d.status), array_agg(d.reason), array_agg(d.order_no), array_agg(d.units)
    INTO v_status, v_reason, v_orders, v_got
    FROM place_plain_batch(p_terms, 'place_numbered', p_request_ids, p_user_ids, p_units, p_nodes) d;
  END IF;
  IF v_status IS NOT NULL THEN
    PERFORM give_units(p_terms.sale, p_terms.sku, v_held, v_orders, v_got, v_chosen);
  ELSIF v_ask > 0 THEN
    BEGIN
      SELECT array_agg(d.status), array_agg(d.reason), array_agg(d.order_no), array_agg(d.units)
      INTO v_status, v_reason, v_orders, v_got
      FROM place_mixed_batch(p_terms, 'place_numbered', p_request_ids[1:v_ask], p_user_ids[1:v_ask], p_units[1:v_ask],
                             p_accept_fewer[1:v_ask], p_nodes[1:v_ask], p_wait) d;
      -- Only the orders that this call has placed get units: an order of an earlier call has or had its own.
      SELECT array_agg(o.order_no ORDER BY d.at) AS orders, array_agg(o.units ORDER BY d.at) AS units,
             sum(o.units) AS wanted
      INTO v_new
      FROM (SELECT e.order_no, min(e.at) AS at
            FROM unnest(v_orders) WITH ORDINALITY AS e (order_no, at) GROUP BY 1) d
      JOIN orders o ON o.sale = p_terms.sale AND o.sku = p_terms.sku AND o.order_no = d.order_no
      WHERE o.created_at = now();
      IF v_new.wanted > cardinality(v_held) THEN
        RAISE EXCEPTION 'units came back after units were locked' USING ERRCODE = 'FS004';
      END IF;
      IF v_new.orders IS NOT NULL THEN
        PERFORM give_units(p_terms.sale, p_terms.sku, v_held, v_new.orders, v_new.units);
      END IF;
    EXCEPTION WHEN SQLSTATE 'FS004' THEN
      -- The rows of such units may be locked by others, who may wait for our slots. So undo, and call again.
      v_status := NULL;
      v_reason := NULL;
      v_orders := NULL;
      v_got := NULL;
    END;
  END IF;

  RETURN QUERY
  SELECT p_request_ids[a.at], coalesce(v_status[a.at], 'locked'), v_reason[a.at], v_orders[a.at],
         coalesce(v_got[a.at], 0)
  FROM generate_series(1, v_count) AS a (at) ORDER BY a.at;
END
$routine$;

ALTER FUNCTION :schema.place_numbered OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_numbered IS
  'Decides a batch of requests for numbered goods: each order gets the best free units, side by side. Part of place_orders';
REVOKE ALL ON FUNCTION :schema.place_numbered FROM PUBLIC;
