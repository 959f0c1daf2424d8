-- One relay at a time publishes the order events of a schema, and what is published is kept: the
-- log from which webhooks are delivered, now and again.

SET LOCAL ROLE flashsale_owner;

UPDATE catalog.tunable
SET meaning = 'the relay that publishes order events is replaced when it was silent for so long'
WHERE name = 'outbox_lease_ms';

DO $$
DECLARE
  v_schema text;
  v_sale   text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);

    -- A row of the outbox is written once and removed once. The installer makes both again.
    DROP VIEW IF EXISTS backlog;
    DROP FUNCTION IF EXISTS outbox_batch(int);
    ALTER TABLE outbox DROP COLUMN taken_until;

    CREATE TABLE outbox_relay (
      one          boolean PRIMARY KEY DEFAULT true CHECK (one),
      relay        text NOT NULL DEFAULT '',
      leased_until timestamptz NOT NULL DEFAULT '-infinity'
    ) WITH (fillfactor = 50);
    INSERT INTO outbox_relay DEFAULT VALUES;
    COMMENT ON TABLE outbox_relay IS 'Who publishes the events of the outbox: one row';
    COMMENT ON COLUMN outbox_relay.one IS 'There is one row';
    COMMENT ON COLUMN outbox_relay.relay IS 'A name that the relay gave itself';
    COMMENT ON COLUMN outbox_relay.leased_until IS 'Another may take over after that';

    CREATE SEQUENCE log_no AS bigint;
    COMMENT ON SEQUENCE log_no IS 'Places in the log of events';
    CREATE TABLE event (
      log_no      bigint NOT NULL DEFAULT nextval('log_no'),
      sale        text COLLATE "C" NOT NULL,
      event_no    bigint NOT NULL,
      kind        text NOT NULL CHECK (kind IN ('placed', 'paid', 'cancelled', 'expired')),
      sku         text COLLATE "C" NOT NULL,
      order_nos   bigint[] NOT NULL,
      happened_at timestamptz NOT NULL,
      logged_at   timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (log_no, sale)
    ) PARTITION BY LIST (sale);
    COMMENT ON TABLE event IS
      'Order events that are published: one row a transaction and SKU, in the order of the log';
    COMMENT ON COLUMN event.log_no IS
      'Its place: whoever has read up to one has missed none before it; ascending, with gaps';
    COMMENT ON COLUMN event.sale IS 'Key of the partition';
    COMMENT ON COLUMN event.event_no IS 'Its number in the outbox, part of the events'' ids';
    COMMENT ON COLUMN event.kind IS 'What happened to the orders';
    COMMENT ON COLUMN event.sku IS 'Their SKU';
    COMMENT ON COLUMN event.order_nos IS 'The orders';
    COMMENT ON COLUMN event.happened_at IS 'When';
    COMMENT ON COLUMN event.logged_at IS 'When it was known to be published';
    FOR v_sale IN SELECT s.sale FROM catalog.sale s LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES IN (%L)',
                     'event_' || v_sale, v_sale);
    END LOOP;
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
