-- One reference of the payment provider pays one order, whatever the sale and the schema; and what has
-- become of money that is to be given back.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.payment_reference (
  payment_ref text COLLATE "C" PRIMARY KEY,
  sale        text COLLATE "C" NOT NULL,
  order_no    bigint NOT NULL
);
COMMENT ON TABLE catalog.payment_reference IS
  'Which order each reference of the payment provider is for, over both schemas';
COMMENT ON COLUMN catalog.payment_reference.payment_ref IS 'The provider''s reference';
COMMENT ON COLUMN catalog.payment_reference.sale IS 'Sale of the order';
COMMENT ON COLUMN catalog.payment_reference.order_no IS 'The one order that it is for';

INSERT INTO catalog.payment_reference (payment_ref, sale, order_no)
SELECT p.payment_ref, p.sale, p.order_no
FROM (SELECT * FROM regular.payment UNION ALL SELECT * FROM hot.payment) p
ORDER BY p.received_at
ON CONFLICT (payment_ref) DO NOTHING;

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('refund_retry_s', 30, 1, 86400,
   'pause after the first try of a refund; it doubles with each, up to 128 times as long');

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
    CREATE INDEX payment_to_refund ON payment (received_at) WHERE result = 'refund_due';
    CREATE TABLE refund (
      payment_ref text COLLATE "C" NOT NULL,
      sale        text COLLATE "C" NOT NULL,
      order_no    bigint NOT NULL,
      state       text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done')),
      tries       int NOT NULL DEFAULT 0,
      next_try_at timestamptz NOT NULL DEFAULT now(),
      refund_ref  text,
      last_error  text,
      changed_at  timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (payment_ref, sale),
      CHECK ((state = 'done') = (refund_ref IS NOT NULL))
    ) PARTITION BY LIST (sale);
    CREATE INDEX refund_due ON refund (next_try_at) WHERE state = 'due';
    COMMENT ON TABLE refund IS
      'What has become of payments whose result is refund_due, once a worker has begun';
    FOR v_sale IN SELECT s.sale FROM catalog.sale s LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF refund FOR VALUES IN (%L)',
                     'refund_' || v_sale, v_sale);
    END LOOP;
    FOR v_column, v_text IN VALUES
      ('payment_ref', 'The payment that is given back'),
      ('sale', 'Key of the partition'),
      ('order_no', 'The order that could not have it'),
      ('state', 'due, or done'),
      ('tries', 'How often a worker has asked the provider'),
      ('next_try_at', 'Not before: a worker has it in hand, or it failed'),
      ('refund_ref', 'The provider''s reference of the refund'),
      ('last_error', 'What the provider said when it failed last'),
      ('changed_at', 'When this row changed last')
    LOOP
      EXECUTE format('COMMENT ON COLUMN refund.%I IS %L', v_column, v_text);
    END LOOP;
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
