-- The alternatives to place_orders. Each is written as cheaply as we know how.
CREATE SCHEMA bench;

-- Two statements from the client, or the same in a procedure: one row of stock, one row an order.
CREATE TABLE bench.stock (sku text PRIMARY KEY, remaining int NOT NULL CHECK (remaining >= 0))
  WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE TABLE bench.slot (
  sku text, slot int, remaining int NOT NULL CHECK (remaining >= 0), PRIMARY KEY (sku, slot)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE TABLE bench.plain_order (
  order_no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku        text NOT NULL,
  user_id    text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION bench.one_row(p_user text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE bench.stock SET remaining = remaining - 1 WHERE sku = 'TV' AND remaining > 0;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO bench.plain_order (sku, user_id) VALUES ('TV', p_user);
  RETURN true;
END $$;

-- The main text's way: the fullest slot, locked with a wait.
CREATE FUNCTION bench.for_update(p_user text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_slot int;
BEGIN
  SELECT s.slot INTO v_slot FROM bench.slot s
  WHERE s.sku = 'TV' AND s.remaining > 0 ORDER BY s.remaining DESC LIMIT 1 FOR UPDATE;
  UPDATE bench.slot SET remaining = remaining - 1
  WHERE sku = 'TV' AND slot = v_slot AND remaining > 0;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO bench.plain_order (sku, user_id) VALUES ('TV', p_user);
  RETURN true;
END $$;

-- The rows of place_orders, into the same tables with the same indexes, and no stock: no limit, no
-- look for known requests, no slot. One call, set-based.
CREATE FUNCTION bench.insert_only(
  p_sale text, p_sku text, p_ids uuid[], p_users text[], p_units int[], p_nodes text[]
) RETURNS bigint LANGUAGE plpgsql
SET search_path = hot, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  INSERT INTO buyer (sale, sku, user_id, units)
  SELECT p_sale, p_sku, r.user_id, r.units
  FROM unnest(p_users, p_units) AS r (user_id, units) ORDER BY r.user_id COLLATE "C";
  WITH numbered AS MATERIALIZED (
    SELECT r.*, nextval('order_no') AS order_no
    FROM unnest(p_ids, p_users, p_units, p_nodes) AS r (request_id, user_id, units, node)
  ), placed AS (
    INSERT INTO orders (order_no, sale, sku, request_id, user_id, units, amount, currency,
                        pay_before)
    SELECT n.order_no, p_sale, p_sku, n.request_id, n.user_id, n.units, n.units * 9.95, 'EUR',
           now() + interval '15 minutes'
    FROM numbered n
  ), decided AS (
    INSERT INTO outcome (request_id, sale, sku, user_id, node, status, order_no, units)
    SELECT n.request_id, p_sale, p_sku, n.user_id, n.node, 'ordered', n.order_no, n.units
    FROM numbered n ORDER BY n.request_id
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT p_sale, p_sku, 1, 'sale', -count(*) FROM numbered
  ), figures AS (
    INSERT INTO place_call (called_at, sku, routine, requests, ordered, locked, units, slots, waited,
                            passed_over, false_empty, retries, lock_us, total_us)
    SELECT now(), p_sku, 'insert_only', count(*), count(*), 0, count(*), 0, false, false, 0, 0, 0, 0
    FROM numbered
  )
  INSERT INTO outbox (kind, sale, sku, order_nos)
  SELECT 'placed', p_sale, p_sku, array_agg(n.order_no) FROM numbered n;
  RETURN cardinality(p_ids);
END $$;

-- Every run begins with empty tables and full slots.
CREATE PROCEDURE bench.reset(p_slots int) LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE hot.orders, hot.outcome, hot.buyer, hot.stock_movement, hot.outbox, hot.place_call,
           hot.stock_slot, bench.stock, bench.slot, bench.plain_order;
  INSERT INTO hot.stock_slot SELECT 'TV', n, 1000000000 / p_slots FROM generate_series(1, p_slots) n;
  INSERT INTO hot.stock_movement (sale, sku, slot, kind, units)
  SELECT 'sale', 'TV', slot, 'load', remaining FROM hot.stock_slot;
  INSERT INTO bench.stock VALUES ('TV', 1000000000);
  INSERT INTO bench.slot SELECT 'TV', n, 1000000000 / p_slots FROM generate_series(1, p_slots) n;
END $$;

-- Tables that grow with each order are empty again; the slots stay as they are.
CREATE PROCEDURE bench.forget_orders() LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE hot.orders, hot.outcome, hot.buyer, hot.stock_movement, hot.outbox, hot.place_call;
END $$;
