-- SKUs that move between the schemas, two versions of place_orders side by side, and what each call
-- of it met.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku
  ADD COLUMN moves    int NOT NULL DEFAULT 0,
  ADD COLUMN moved_at timestamptz;

CREATE TABLE catalog.canary (
  schema     text COLLATE "C" PRIMARY KEY CHECK (schema IN ('regular', 'hot')),
  routine    text NOT NULL CHECK (routine = 'place_orders_canary'),
  share      double precision NOT NULL CHECK (share BETWEEN 0 AND 1),
  skus       text[] NOT NULL,
  source     text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  started_by text NOT NULL DEFAULT session_user
);

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('call_figures', 1, 0, 1,
   '1: each call of place_orders writes a row into place_call for the cockpit; 0: none does'),
  ('call_figures_keep_s', 900, 10, 86400,
   'trim_place_calls removes rows of place_call that are older');

DO $$
DECLARE
  v_schema text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);
    -- Append-only, no index, not in the WAL: a row costs a call some microseconds, and a crash may
    -- take the figures with it, never an order (docs/decisions/0011).
    CREATE UNLOGGED TABLE place_call (
      called_at   timestamptz NOT NULL,
      sku         text COLLATE "C" NOT NULL,
      routine     text NOT NULL,
      requests    int NOT NULL,
      ordered     int NOT NULL,
      locked      int NOT NULL,
      units       bigint NOT NULL,
      slots       int NOT NULL,
      waited      boolean NOT NULL,
      passed_over boolean NOT NULL,
      false_empty int NOT NULL,
      retries     int NOT NULL,
      lock_us     int NOT NULL,
      total_us    int NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_insert_scale_factor = 10);
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

-- What each column means, where \d+ and every tool shows it.
COMMENT ON COLUMN catalog.sale.sale IS 'Its name; also the name of its partitions';
COMMENT ON COLUMN catalog.sale.title IS 'Shown to shoppers';
COMMENT ON COLUMN catalog.sale.opens_at IS 'Requests are taken from then on, by this server''s clock';
COMMENT ON COLUMN catalog.sale.closes_at IS
  'No request is admitted after it; those taken in time are honoured for late_grace_ms more';
COMMENT ON COLUMN catalog.sale.created_at IS 'When create_sale made it';
COMMENT ON COLUMN catalog.sku.sku IS 'Its name: in ZooKeeper paths, messages and tickets too';
COMMENT ON COLUMN catalog.sku.sale IS 'The sale that it belongs to';
COMMENT ON COLUMN catalog.sku.schema IS
  'Where its stock lives and its requests are decided; move_sku changes it';
COMMENT ON COLUMN catalog.sku.title IS 'Shown to shoppers';
COMMENT ON COLUMN catalog.sku.price IS 'Price of one unit';
COMMENT ON COLUMN catalog.sku.currency IS 'ISO 4217';
COMMENT ON COLUMN catalog.sku.created_at IS 'When create_sku made it';
COMMENT ON COLUMN catalog.sku.moves IS
  'How often it moved between the schemas; above 0, orders of it may be in both';
COMMENT ON COLUMN catalog.sku.moved_at IS 'When it moved last';
COMMENT ON COLUMN catalog.ticket_key.sale IS 'Whose tickets it signs';
COMMENT ON COLUMN catalog.ticket_key.key IS '32 random bytes: a secret';
COMMENT ON COLUMN catalog.ticket_key.created_at IS 'When the first web node asked for it';
COMMENT ON COLUMN catalog.tunable.name IS 'Its name; the unit comes last';
COMMENT ON COLUMN catalog.tunable.value IS 'In force at the next call';
COMMENT ON COLUMN catalog.tunable.least IS 'The lowest value that is taken';
COMMENT ON COLUMN catalog.tunable.most IS 'The highest value that is taken';
COMMENT ON COLUMN catalog.tunable.meaning IS 'What it does';
COMMENT ON COLUMN catalog.routine.schema IS 'Schema of the routine or view';
COMMENT ON COLUMN catalog.routine.name IS 'Its name, also that of its file';
COMMENT ON COLUMN catalog.routine.file_sha256 IS 'Of its file, as psql would send it';
COMMENT ON COLUMN catalog.routine.definition_md5 IS 'Of what PostgreSQL made of the file';
COMMENT ON COLUMN catalog.routine.installed_at IS 'When the installer ran the file';
COMMENT ON COLUMN catalog.routine.installed_by IS 'The login that ran it';
COMMENT ON TABLE catalog.canary IS
  'A second version of place_orders that takes some of the calls of its schema';
COMMENT ON COLUMN catalog.canary.schema IS 'Whose place_orders has a second version';
COMMENT ON COLUMN catalog.canary.routine IS 'Name of the second version';
COMMENT ON COLUMN catalog.canary.share IS 'Share of the calls that it takes, 0 to 1';
COMMENT ON COLUMN catalog.canary.skus IS 'SKUs whose calls it takes in any case';
COMMENT ON COLUMN catalog.canary.source IS 'Its file, for canary promote';
COMMENT ON COLUMN catalog.canary.started_at IS 'Since when';
COMMENT ON COLUMN catalog.canary.started_by IS 'The login that started it';

DO $$
DECLARE
  v_schema text;
  v_table  text;
  v_column text;
  v_text   text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format('COMMENT ON SEQUENCE %I.movement_no IS %L', v_schema, 'Numbers of movements');
    EXECUTE format('COMMENT ON SEQUENCE %I.event_no IS %L', v_schema, 'Numbers of order events');
    EXECUTE format('COMMENT ON TABLE %I.place_call IS %L', v_schema,
      'What each call of place_orders met, for the cockpit; not kept for long, lost in a crash');
    FOR v_table, v_column, v_text IN VALUES
      ('stock_slot', 'sku', 'Whose units'),
      ('stock_slot', 'slot', 'Its number, from 1'),
      ('stock_slot', 'remaining', 'Free units in it'),
      ('orders', 'order_no', 'Odd in regular, even in hot'),
      ('orders', 'sale', 'Key of the partition'),
      ('orders', 'sku', 'What was ordered'),
      ('orders', 'request_id', 'The request that it came from'),
      ('orders', 'user_id', 'Who ordered'),
      ('orders', 'units', 'Units that it holds while it is ordered or paid'),
      ('orders', 'amount', 'Units times the price at that moment'),
      ('orders', 'currency', 'ISO 4217'),
      ('orders', 'status', 'ordered (unpaid), paid, cancelled or expired'),
      ('orders', 'created_at', 'When it was ordered'),
      ('orders', 'pay_before', 'expire_orders ends it after that, if it is not paid'),
      ('orders', 'changed_at', 'When its status changed last'),
      ('outcome', 'request_id', 'Idempotency-Key or id of the ticket'),
      ('outcome', 'sale', 'Key of the partition'),
      ('outcome', 'sku', 'What was wanted'),
      ('outcome', 'user_id', 'Whose request it was'),
      ('outcome', 'status', 'How the request ended'),
      ('outcome', 'reason', 'Why, where the status alone does not say it'),
      ('outcome', 'order_no', 'The order, if it became one'),
      ('outcome', 'decided_at', 'When'),
      ('buyer', 'sale', 'Key of the partition'),
      ('buyer', 'sku', 'What the user holds units of'),
      ('buyer', 'user_id', 'Who'),
      ('buyer', 'units',
       'Units of unpaid and paid orders, of both schemas; kept where the SKU lives'),
      ('stock_movement', 'movement_no', 'Ascending, with gaps'),
      ('stock_movement', 'sale', 'Key of the partition'),
      ('stock_movement', 'sku', 'Whose units'),
      ('stock_movement', 'slot', 'The slot that changed'),
      ('stock_movement', 'kind',
       'load, restock, sale, return; split and merge (between slots); move (between schemas)'),
      ('stock_movement', 'moved_at', 'When'),
      ('payment', 'payment_ref', 'The provider''s reference'),
      ('payment', 'sale', 'Key of the partition'),
      ('payment', 'order_no', 'The order that it is for'),
      ('payment', 'result', 'paid, or refund_due: the order could not have the money'),
      ('payment', 'received_at', 'When the provider told us'),
      ('outbox', 'event_no', 'Ascending, with gaps'),
      ('outbox', 'kind', 'What happened to the orders'),
      ('outbox', 'sale', 'Their sale'),
      ('outbox', 'sku', 'Their SKU'),
      ('outbox', 'order_nos', 'The orders'),
      ('outbox', 'happened_at', 'When'),
      ('fenced_node', 'node', 'Name of a web process; never used again'),
      ('fenced_node', 'fenced_at', 'When the keeper settled it'),
      ('place_call', 'called_at', 'Start of the transaction'),
      ('place_call', 'sku', 'The SKU of the call'),
      ('place_call', 'routine', 'place_orders, or place_orders_canary'),
      ('place_call', 'requests', 'Requests in the batch'),
      ('place_call', 'ordered', 'Requests that became orders'),
      ('place_call', 'locked', 'Requests answered locked: to be called again'),
      ('place_call', 'units', 'Units sold'),
      ('place_call', 'slots', 'Slots that the call locked'),
      ('place_call', 'waited', 'Called with p_wait: waited for the slots of others'),
      ('place_call', 'passed_over',
       'The first slot it got was not the fullest: another call held that, or drew from it'),
      ('place_call', 'false_empty',
       'Looks that found no slot although units were there: all of those were locked'),
      ('place_call', 'retries', 'Looks after the first, each after a pause'),
      ('place_call', 'lock_us',
       'Microseconds from the first slot lock to the end of the routine; COMMIT comes on top'),
      ('place_call', 'total_us', 'Microseconds from the start of the transaction to that end')
    LOOP
      EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', v_schema, v_table, v_column, v_text);
    END LOOP;
  END LOOP;
END
$$;

RESET ROLE;
