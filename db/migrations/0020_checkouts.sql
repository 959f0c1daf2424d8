-- The payment provider's session of an order: one at a time, which ends with the order.

SET LOCAL ROLE flashsale_owner;

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('checkout_retry_s', 30, 1, 3600,
   'pause after the first try to end a session at the provider; it doubles with each, up to 128 times as long');

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
    CREATE TABLE checkout (
      order_no    bigint NOT NULL,
      sale        text COLLATE "C" NOT NULL,
      session_ref text COLLATE "C" NOT NULL,
      url         text NOT NULL,
      ends_at     timestamptz NOT NULL,
      attempt     int NOT NULL DEFAULT 1,
      state       text NOT NULL DEFAULT 'open' 
                  CHECK (state IN ('open', 'ending', 'paying', 'ended')),
      tries       int NOT NULL DEFAULT 0,
      next_try_at timestamptz NOT NULL DEFAULT now(),
      last_error  text,
      changed_at  timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (order_no, sale)
    ) PARTITION BY LIST (sale);
    CREATE INDEX checkout_ending ON checkout (next_try_at) WHERE state = 'ending';
    COMMENT ON TABLE checkout IS
      'The session of the payment provider in which an order is paid: one at a time';
    -- As create_sale names them: checkout_ending is an index, and a sale may be called ending.
    FOR v_sale IN SELECT s.sale FROM catalog.sale s LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF checkout FOR VALUES IN (%L)',
                     'checkout(' || v_sale || ')', v_sale);
    END LOOP;
    FOR v_column, v_text IN VALUES
      ('order_no', 'The order that is paid in it'),
      ('sale', 'Key of the partition'),
      ('session_ref', 'The provider''s reference of the session, with the provider''s name in front'),
      ('url', 'Where the shopper pays; told to nobody before it stands here'),
      ('ends_at', 'The provider ends it by itself then'),
      ('attempt', 'How many sessions the order has had, with this one'),
      ('state', 'open; ending: the order has ended, a worker ends the session; paying: it was completed, '
       'and the provider has not said what became of the payment; ended'),
      ('tries', 'How often a worker has asked the provider to end it'),
      ('next_try_at', 'Not before: a worker has it in hand, or it failed'),
      ('last_error', 'What the provider said when it failed last'),
      ('changed_at', 'When this row changed last')
    LOOP
      EXECUTE format('COMMENT ON COLUMN checkout.%I IS %L', v_column, v_text);
    END LOOP;
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
