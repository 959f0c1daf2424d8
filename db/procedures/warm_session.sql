-- warm_session: prepares a session for work. The first call of a routine in a session compiles it, plans
-- each of its statements and reads the catalogue of each partition. It takes 10 to 30 times as long as the
-- second call. This routine calls the routines for orders of a SKU that exists only in this call, and rolls
-- back all that they wrote. Compiled routines and plans stay with the session.
--
-- Parameters: p_places_orders, true to call place_orders (for sessions of workers), false to call the
--   routines of web nodes
-- Result: false if there is no sale yet whose partitions could be used; nothing was done then
-- Tables: reads catalog.sale; writes, and rolls back, catalog.sku_terms, stock_slot and the tables of the
--   routines. Some 20 dead rows remain, and gaps in the sequences
-- Locks: those of the routines, for a SKU, a node and users that nobody else has
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.warm_session(p_places_orders boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  -- No SKU has a blank in its name, so this name is free.
  v_name   text := 'session ' || pg_backend_pid();
  v_sale   text := (SELECT s.sale FROM catalog.sale s ORDER BY s.closes_at DESC LIMIT 1);
  v_users  text[] := ARRAY[v_name || ' a', v_name || ' b', v_name || ' c', v_name || ' c'];
  v_placed bigint[];
BEGIN
  IF v_sale IS NULL THEN RETURN false; END IF;
  IF p_places_orders THEN
    INSERT INTO catalog.sku_terms (
      sku, sale, home, abroad, moved, price, currency, user_limit, state, opens_at, late_until,
      pay_window, canary_always, canary_share, batch_requests_max, pick_retries, pick_retry_wait_us,
      call_figures)
    VALUES (v_name, v_sale, current_schema(), false, false, 0, 'XXX', 9, 'open', '-infinity',
            'infinity', interval '1 hour', false, 0, 9, 0, 0, true);
    INSERT INTO stock_slot (sku, slot, remaining) VALUES (v_name, 1, 9), (v_name, 2, 9);
    -- Take each path through place_orders: plain batches, a mixed batch, and all slots.
    PERFORM place_orders(v_name, ARRAY[gen_random_uuid()], v_users[1:1], '{1}', '{f}', ARRAY[v_name]);
    SELECT array_agg(p.order_no) INTO v_placed
    FROM place_orders(v_name, ARRAY[gen_random_uuid(), gen_random_uuid()], v_users[2:3], '{1,1}',
                      '{f,f}', ARRAY[v_name, v_name]) p;
    PERFORM orders_placed(v_name, v_placed);
    PERFORM place_orders(v_name, ARRAY[gen_random_uuid(), gen_random_uuid()], v_users[3:4], '{1,30}',
                         '{f,t}', ARRAY[v_name, v_name], w.wait)
    FROM (VALUES (false), (true)) AS w (wait);
  ELSE
    PERFORM request_outcomes(ARRAY[gen_random_uuid()]);
    PERFORM user_orders(v_name);
    PERFORM waitlist_entries(ARRAY[v_name], ARRAY[v_name]);
    PERFORM order_details(0), pay_order(0, v_name), cancel_order(0, v_name);
    PERFORM join_waitlist(v_name, v_name, 1);
  END IF;
  RAISE SQLSTATE 'FS900';
EXCEPTION WHEN SQLSTATE 'FS900' THEN
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.warm_session OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.warm_session IS
  'Compiles and plans the routines of a session and changes nothing; false if there is no sale yet';
REVOKE ALL ON FUNCTION :schema.warm_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.warm_session TO flashsale_web, flashsale_worker;
