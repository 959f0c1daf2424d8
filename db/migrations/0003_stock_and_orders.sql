-- Stock and orders: the same tables in regular and in hot, written once. The loop below runs the
-- plain statements with search_path set to one schema, then to the other.
--
-- What grows is partitioned by sale: an old sale goes with
--   ALTER TABLE hot.orders DETACH PARTITION hot."orders_<sale>" CONCURRENTLY; DROP TABLE …
-- and no index of a running sale gets deeper. create_sale() makes the partitions.
--
-- No foreign keys on these tables: a check for each order costs a tenth of the throughput, every
-- row is written by a routine that has just read its SKU, and audit() compares the tables.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);

    -- Free units of a SKU, in slots, so that transactions do not queue for one row. Few rows that
    -- change all the time: room on the page for HOT updates, no index on remaining (it would make
    -- every update non-HOT), and an autovacuum that does not wait.
    CREATE TABLE stock_slot (
      sku       text COLLATE "C" NOT NULL,
      slot      int NOT NULL CHECK (slot >= 1),
      remaining int NOT NULL CHECK (remaining >= 0),
      PRIMARY KEY (sku, slot)
    ) WITH (
      fillfactor = 10,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
      autovacuum_vacuum_cost_delay = 0
    );
    COMMENT ON TABLE stock_slot IS 'Free units of each SKU, spread over slots';

    -- Odd in regular, even in hot: a number is unique over both and tells its schema.
    IF v_schema = 'regular' THEN
      CREATE SEQUENCE order_no AS bigint START 1 INCREMENT 2;
    ELSE
      CREATE SEQUENCE order_no AS bigint START 2 INCREMENT 2;
    END IF;
    COMMENT ON SEQUENCE order_no IS 'Order numbers: odd in regular, even in hot';

    CREATE TABLE orders (
      order_no   bigint NOT NULL,
      sale       text COLLATE "C" NOT NULL,
      sku        text COLLATE "C" NOT NULL,
      request_id uuid NOT NULL,
      user_id    text COLLATE "C" NOT NULL,
      units      int NOT NULL CHECK (units > 0),
      amount     numeric(14, 2) NOT NULL,
      currency   text NOT NULL,
      status     text NOT NULL DEFAULT 'ordered'
                 CHECK (status IN ('ordered', 'paid', 'cancelled', 'expired')),
      created_at timestamptz NOT NULL DEFAULT now(),
      pay_before timestamptz NOT NULL,
      changed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (order_no, sale)
    ) PARTITION BY LIST (sale);
    CREATE INDEX orders_user ON orders (user_id);
    -- Who is due, and whether a SKU has unpaid orders at all: small, since it holds only those.
    CREATE INDEX orders_unpaid ON orders (sku, pay_before) WHERE status = 'ordered';
    COMMENT ON TABLE orders IS
      'Orders; ordered (unpaid) and paid ones hold their units, cancelled and expired ones do not';

    CREATE TABLE outcome (
      request_id uuid NOT NULL,
      sale       text COLLATE "C" NOT NULL,
      sku        text COLLATE "C" NOT NULL,
      user_id    text COLLATE "C" NOT NULL,
      node       text COLLATE "C" NOT NULL,
      status     text NOT NULL
                 CHECK (status IN ('ordered', 'sold_out', 'limit_reached', 'closed', 'rejected')),
      reason     text,
      order_no   bigint,
      units      int NOT NULL CHECK (units >= 0),
      decided_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (request_id, sale),
      CHECK ((status = 'ordered') = (order_no IS NOT NULL)),
      CHECK ((status = 'ordered') = (units > 0))
    ) PARTITION BY LIST (sale);
    COMMENT ON TABLE outcome IS 'The one final outcome of each request id; never updated';
    COMMENT ON COLUMN outcome.node IS 'The web node that admitted the request';
    COMMENT ON COLUMN outcome.units IS 'Units ordered: 0 unless the status is ordered';

    CREATE TABLE buyer (
      sale    text COLLATE "C" NOT NULL,
      sku     text COLLATE "C" NOT NULL,
      user_id text COLLATE "C" NOT NULL,
      units   int NOT NULL CHECK (units >= 0),
      PRIMARY KEY (user_id, sku, sale)
    ) PARTITION BY LIST (sale);
    COMMENT ON TABLE buyer IS 'Units that each user holds of each SKU, for the limit per user';

    CREATE SEQUENCE movement_no AS bigint;
    CREATE TABLE stock_movement (
      movement_no bigint NOT NULL DEFAULT nextval('movement_no'),
      sale        text COLLATE "C" NOT NULL,
      sku         text COLLATE "C" NOT NULL,
      slot        int NOT NULL,
      kind        text NOT NULL CHECK (
                    kind IN ('load', 'restock', 'sale', 'return', 'split', 'merge', 'move')),
      units       int NOT NULL CHECK (units <> 0),
      moved_at    timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (movement_no, sale),
      CHECK (kind NOT IN ('load', 'restock', 'return') OR units > 0),
      CHECK (kind <> 'sale' OR units < 0)
    ) PARTITION BY LIST (sale);
    -- The units that exist are summed several times a second: never over all the sales.
    CREATE INDEX stock_movement_supply ON stock_movement (sku) INCLUDE (units)
      WHERE kind IN ('load', 'restock');
    COMMENT ON TABLE stock_movement IS
      'Append-only book of every change of a slot; one row a slot and transaction';
    COMMENT ON COLUMN stock_movement.units IS 'Signed: what was added to the units of the slot';

    CREATE TABLE payment (
      payment_ref text COLLATE "C" NOT NULL,
      sale        text COLLATE "C" NOT NULL,
      order_no    bigint NOT NULL,
      result      text NOT NULL CHECK (result IN ('paid', 'refund_due')),
      received_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (payment_ref, sale)
    ) PARTITION BY LIST (sale);
    CREATE INDEX payment_order ON payment (order_no);
    COMMENT ON TABLE payment IS
      'Payments by the provider''s reference; refund_due: money came, but no unit was left for it';

    CREATE SEQUENCE event_no AS bigint;
    CREATE TABLE outbox (
      event_no    bigint PRIMARY KEY DEFAULT nextval('event_no'),
      kind        text NOT NULL CHECK (kind IN ('placed', 'paid', 'cancelled', 'expired')),
      sale        text COLLATE "C" NOT NULL,
      sku         text COLLATE "C" NOT NULL,
      order_nos   bigint[] NOT NULL,
      happened_at timestamptz NOT NULL DEFAULT now(),
      taken_until timestamptz
    ) WITH (
      fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
      autovacuum_vacuum_cost_delay = 0
    );
    COMMENT ON TABLE outbox IS
      'Order events that are still to be published: one row a transaction and SKU';
    COMMENT ON COLUMN outbox.taken_until IS 'A worker is publishing it; free for others after that';

    CREATE TABLE fenced_node (
      node      text COLLATE "C" PRIMARY KEY,
      fenced_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE fenced_node IS
      'Web nodes that are settled as dead: late requests of theirs are rejected';
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
