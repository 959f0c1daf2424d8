-- The line for units that come back: who asked to wait, in the order of the sale's lottery.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku ADD COLUMN line_open boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN catalog.sku.line_open IS
  'Whether units that come back go to the line; the keeper clears it while the operators'' state or quota forbids sales';

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('claim_window_s', 300, 1, 2592000,
   'who waited has so long to pay for the unit that came back, or the sale''s pay window if shorter'),
  ('line_entries_max', 10000, 0, 1000000,
   'shoppers who may wait for one SKU at once');

DO $$
DECLARE
  v_schema text;
  v_sale   text;
  v_column text;
  v_text   text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);
    CREATE TABLE waiting (
      entry          uuid NOT NULL DEFAULT gen_random_uuid(),
      sale           text COLLATE "C" NOT NULL,
      sku            text COLLATE "C" NOT NULL,
      user_id        text COLLATE "C" NOT NULL,
      units          int NOT NULL CHECK (units > 0),
      claims         int NOT NULL CHECK (claims >= 0),
      rank           double precision NOT NULL CHECK (rank >= 0 AND rank < 1),
      state          text NOT NULL DEFAULT 'waiting'
                     CHECK (state IN ('waiting', 'served', 'limit_reached')),
      asked_at       timestamptz NOT NULL,
      passed_over_at timestamptz,
      ended_at       timestamptz,
      order_no       bigint,
      PRIMARY KEY (entry, sale),
      CHECK ((state = 'waiting') = (ended_at IS NULL)),
      CHECK ((state = 'served') = (order_no IS NOT NULL))
    ) PARTITION BY LIST (sale);
    -- One place for each user, and the order of the line: both hold only those who wait.
    CREATE UNIQUE INDEX waiting_once ON waiting (user_id, sku, sale) WHERE state = 'waiting';
    CREATE INDEX waiting_line ON waiting (sku, claims, rank, user_id) WHERE state = 'waiting';
    CREATE INDEX waiting_user ON waiting (user_id, sku);
    COMMENT ON TABLE waiting IS
      'The line of each SKU for units that come back; one row for each time a user asked';
    FOR v_sale IN SELECT s.sale FROM catalog.sale s LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF waiting FOR VALUES IN (%L)',
                     'waiting_' || v_sale, v_sale);
    END LOOP;
    FOR v_column, v_text IN VALUES
      ('entry', 'Its number'),
      ('sale', 'Key of the partition'),
      ('sku', 'What is waited for'),
      ('user_id', 'Who waits'),
      ('units', 'Units wanted at the most'),
      ('claims', 'Units that came back were held for the user so often before: who had none goes first'),
      ('rank', 'The user''s rank in the lottery of the sale: the lowest goes first'),
      ('state', 'waiting; served: an order was made; limit_reached: the user has enough by now'),
      ('asked_at', 'When the user asked'),
      ('passed_over_at', 'When a unit last went to somebody behind, because a call held the user''s rows'),
      ('ended_at', 'When the state became what it is'),
      ('order_no', 'The order that holds the unit for the user')
    LOOP
      EXECUTE format('COMMENT ON COLUMN waiting.%I IS %L', v_column, v_text);
    END LOOP;
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
