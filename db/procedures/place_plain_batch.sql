-- place_plain_batch: decides a plain batch (see plain_terms) in one statement. It credits every user, takes the
-- units from one slot (one of the fullest unlocked ones; see lock_slots) and writes everything. A large batch with
-- a user limit of one credits its users in a statement before that one. Part of place_orders.
--
-- Parameters
--   p_terms    the terms of the SKU that place_orders has read
--   p_routine  the routine that calls, for the figures: place_orders, or its canary
--   the others as in place_orders
-- Result: one row for each request, in the order of the arguments, all with the status ordered. No row if a user
--   is at the limit (or has a row of buyer, in a large batch with a limit of one), or if each slot with enough is
--   locked or has lost units since: then nothing is written
-- Tables: writes buyer, stock_slot, stock_movement, orders, outcome, outbox, place_call
-- Locks, in order: 3 to 5 of place_orders
-- Errors: 23505 as in place_orders

CREATE OR REPLACE FUNCTION :schema.place_plain_batch(
  p_terms       catalog.sku_terms,
  p_routine     text,
  p_request_ids uuid[],
  p_user_ids    text[],
  p_units       int[],
  p_nodes       text[]
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_count      int := cardinality(p_request_ids);
  v_wanted     bigint := (SELECT sum(u.units) FROM unnest(p_units) AS u (units));
  -- Fields of a record take longer to read, and each row of the statement would read them.
  v_sale       text := p_terms.sale;
  v_sku        text := p_terms.sku;
  v_price      numeric := p_terms.price;
  v_currency   text := p_terms.currency;
  v_is_free    boolean := p_terms.price = 0;
  v_status     text := CASE WHEN v_is_free THEN 'paid' ELSE 'ordered' END;
  v_events     text[] := CASE WHEN v_is_free THEN '{placed,paid}' ELSE '{placed}' END;
  v_pay_before timestamptz := now() + p_terms.pay_window;
  v_order_nos  bigint[];  -- by position
  v_credited   text[];    -- users who were credited, if the batch was stopped
  -- Below some twenty requests a further statement takes more than it saves.
  v_are_new    boolean := p_terms.user_limit = 1 AND v_count >= 20;
BEGIN
  -- A user with a row of buyer is nearly always at a limit of one, and then the batch is not plain. So all users are taken
  -- for new: a plain INSERT takes 3 us less for each row than ON CONFLICT (docs/decisions/0081).
  IF v_are_new THEN
    BEGIN
      INSERT INTO buyer (sale, sku, user_id, units)
      SELECT v_sale, v_sku, r.user_id, 1 FROM unnest(p_user_ids) AS r (user_id) ORDER BY r.user_id COLLATE "C";
    EXCEPTION WHEN unique_violation THEN
      RETURN;
    END;
  END IF;

  -- PostgreSQL runs unreferenced CTEs from the last to the first. So figures runs last and has the final time.
  WITH credited AS (
    INSERT INTO buyer AS b (sale, sku, user_id, units)
    SELECT v_sale, v_sku, r.user_id, r.units
    FROM unnest(p_user_ids, p_units) AS r (user_id, units) WHERE NOT v_are_new ORDER BY r.user_id COLLATE "C"
    ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
      WHERE b.units + excluded.units <= p_terms.user_limit
    RETURNING b.user_id
  ), picked AS MATERIALIZED (
    SELECT s.slot, s.remaining FROM (SELECT count(*) AS users FROM credited) c CROSS JOIN stock_slot s
    WHERE (v_are_new OR c.users = v_count) AND s.sku = v_sku AND s.remaining >= v_wanted
      AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = v_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
    ORDER BY s.remaining * (1 - random() / 8) DESC LIMIT 1
    FOR UPDATE OF s SKIP LOCKED
  ), drawn AS (
    UPDATE stock_slot s SET remaining = s.remaining - v_wanted FROM picked p
    WHERE s.sku = v_sku AND s.slot = p.slot AND s.remaining >= v_wanted
    RETURNING s.slot, p.remaining AS found, clock_timestamp() AS locked_at
  ), numbered AS MATERIALIZED (
    SELECT r.request_id, r.user_id, r.units, r.node, nextval('order_no') AS order_no
    FROM drawn d CROSS JOIN unnest(p_request_ids, p_user_ids, p_units, p_nodes)
      AS r (request_id, user_id, units, node)
  ), figures AS (
    INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots,
                            waited, passed_over, false_empty, retries, lock_us, total_us)
    SELECT now(), v_sku, p_routine, v_count, v_count, 0, v_wanted, 1, false,
           d.found < 0.875 * (SELECT max(l.remaining) FROM stock_slot l
                             WHERE l.sku = v_sku AND l.slot > (d.slot - 1) / 1024 * 1024), 0, 0,
           extract(epoch FROM clock_timestamp() - d.locked_at) * 1e6,
           extract(epoch FROM clock_timestamp() - now()) * 1e6
    FROM drawn d WHERE p_terms.call_figures
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT v_sale, v_sku, d.slot, 'sale', -v_wanted FROM drawn d
  ), placed AS (
    INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency, status, pay_before)
    SELECT n.order_no, v_sale, v_sku, n.request_id, n.user_id, n.units,
           n.units * v_price, v_currency, v_status, v_pay_before
    FROM numbered n
  ), announced AS (
    INSERT INTO outbox (kind, sale, sku, order_nos)
    SELECT unnest(v_events), v_sale, v_sku, array_agg(n.order_no)
    FROM numbered n HAVING count(*) > 0
  ), decided AS (
    INSERT INTO outcome (request_id, sale, sku, user_id, node, status, order_no, units)
    SELECT n.request_id, v_sale, v_sku, n.user_id, n.node, 'ordered', n.order_no, n.units
    FROM numbered n ORDER BY n.request_id
  )
  SELECT array_agg(n.order_no),
         CASE WHEN count(*) > 0 THEN NULL
              WHEN v_are_new THEN p_user_ids ELSE (SELECT array_agg(c.user_id) FROM credited c) END
  INTO v_order_nos, v_credited FROM numbered n;

  IF v_order_nos IS NOT NULL THEN
    RETURN QUERY SELECT r.id, 'ordered', NULL, r.order_no, r.units
                 FROM unnest(p_request_ids, v_order_nos, p_units) AS r (id, order_no, units);
  ELSE
    PERFORM lower_buyers(p_terms.sale, p_terms.sku, array_agg(r.user_id), array_agg(r.units))
    FROM unnest(p_user_ids, p_units) AS r (user_id, units) WHERE r.user_id = ANY (v_credited);
  END IF;
END
$routine$;

ALTER FUNCTION :schema.place_plain_batch OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.place_plain_batch IS
  'Decides a plain batch in one statement; no row if it could not. Part of place_orders';
REVOKE ALL ON FUNCTION :schema.place_plain_batch FROM PUBLIC;
