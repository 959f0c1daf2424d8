-- place_amounts: decides a batch of requests for a pot of money. Each buyer gets the next free packet. The slots
-- decide whether there is one, as for all goods, and the rows of unit say which one. Part of place_orders, which has
-- checked the arguments, taken the first locks and read the terms.
--
-- Parameters
--   p_terms  the terms of the SKU that place_orders has read
--   the others as in place_orders
-- Result: as in place_orders, in the order of the arguments. ordered: the buyer has a packet (order_packets), and the
--   order is paid, because it costs nothing. locked: packets are free, but other transactions hold them
-- Tables: reads fenced_node; writes unit, buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order
--   1. unit rows: only those that nobody holds (SKIP LOCKED); with p_wait the next free ones, ascending, for which it
--      waits
--   2. the locks 3 to 5 of place_orders
-- Errors: FS500 the books do not balance (a bug); 23505 as in place_orders

CREATE OR REPLACE FUNCTION :schema.place_amounts(
  p_terms       catalog.sku_terms,
  p_request_ids uuid[],
  p_user_ids    text[],
  p_units       int[],
  p_nodes       text[],
  p_wait        boolean
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_count    int := cardinality(p_request_ids);
  v_held     int[];     -- positions of the packets that this call has locked
  v_ask      int;       -- so many requests, from the first one, are decided now
  v_status   text[] := '{}';
  v_reason   text[] := '{}';
  v_order_no bigint[] := '{}';
  v_units    int[] := '{}';
  v_placed   bigint[];  -- the orders that this call has placed, in order of arrival
  v_taken    int;
BEGIN
  -- 1. Lock a packet for each request, before slots and buyers. A call that has a unit of a slot then never looks for
  --    a packet in vain. Packets that are locked and not drawn are free again at the end of this transaction.
  IF p_wait THEN
    SELECT coalesce(array_agg(f.position), '{}') INTO v_held
    FROM (SELECT u.position FROM unit u
          WHERE u.sale = p_terms.sale AND u.sku = p_terms.sku AND u.order_no IS NULL
          ORDER BY u.position LIMIT v_count FOR UPDATE) f;
  ELSE
    SELECT coalesce(array_agg(f.position), '{}') INTO v_held
    FROM (SELECT u.position FROM unit u
          WHERE u.sale = p_terms.sale AND u.sku = p_terms.sku AND u.order_no IS NULL
          ORDER BY u.position LIMIT v_count FOR UPDATE SKIP LOCKED) f;
  END IF;

  -- 2. If there are too few, others may hold the rest: only committed rows tell. Then decide as many requests as there are
  --    packets here. If nobody else holds any, the slots have no more units either, and say so to the others.
  v_ask := v_count;
  IF cardinality(v_held) < v_count AND EXISTS (
    SELECT FROM unit u WHERE u.sale = p_terms.sale AND u.sku = p_terms.sku AND u.order_no IS NULL
      AND u.position <> ALL (v_held)) THEN
    v_ask := cardinality(v_held);
  END IF;

  -- 3. Decide them as requests for any other goods.
  IF v_ask > 0 THEN
    SELECT array_agg(d.status), array_agg(d.reason), array_agg(d.order_no), array_agg(d.units)
    INTO v_status, v_reason, v_order_no, v_units
    FROM place_mixed_batch(p_terms, 'place_amounts', p_request_ids[1:v_ask], p_user_ids[1:v_ask], p_units[1:v_ask],
                           array_fill(false, ARRAY[v_ask]), p_nodes[1:v_ask], p_wait) d;
  END IF;

  -- 4. Give each new order its packet. An order of an earlier call has one, or is of another SKU: its request id was
  --    sent again for this one.
  v_placed := ARRAY(
    SELECT o.order_no FROM unnest(v_order_no) WITH ORDINALITY AS o (order_no, at)
    WHERE EXISTS (SELECT FROM orders p
                  WHERE p.order_no = o.order_no AND p.sale = p_terms.sale AND p.sku = p_terms.sku)
      AND NOT EXISTS (SELECT FROM unit u
                      WHERE u.sale = p_terms.sale AND u.order_no = o.order_no AND u.amount IS NOT NULL)
    GROUP BY o.order_no ORDER BY min(o.at));
  IF v_placed <> '{}' THEN
    v_taken := mark_units(p_terms.sale, p_terms.sku, v_held[1:cardinality(v_placed)], v_placed);
    IF v_taken <> cardinality(v_placed) THEN
      RAISE EXCEPTION '% packets of % for % orders', v_taken, p_terms.sku, cardinality(v_placed)
        USING ERRCODE = 'FS500';
    END IF;
  END IF;

  RETURN QUERY
  SELECT p_request_ids[a.at], coalesce(v_status[a.at], 'locked'), v_reason[a.at], v_order_no[a.at],
         coalesce(v_units[a.at], 0)
  FROM generate_series(1, v_count) AS a (at) ORDER BY a.at;
END
$routine$;

ALTER FUNCTION :schema.place_amounts OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_amounts IS
  'Decides a batch of requests for a pot of money: each buyer gets the next free packet. Part of place_orders';
REVOKE ALL ON FUNCTION :schema.place_amounts FROM PUBLIC;
