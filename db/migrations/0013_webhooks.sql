-- Merchants' webhooks: who wants which order events, how far each has read the log, and what is on its
-- way to it. Endpoints stand in the catalogue of the server of regular alone; the rest stands beside
-- the log that it belongs to.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.webhook_endpoint (
  endpoint         text COLLATE "C" PRIMARY KEY CHECK (endpoint ~ '^wh_[0-9a-f]{12}$'),
  url              text NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
  kinds            text[] NOT NULL CHECK (
                     cardinality(kinds) > 0
                     AND kinds <@ ARRAY['placed', 'paid', 'cancelled', 'expired']),
  secret           text NOT NULL CHECK (secret LIKE 'whsec\_%'),
  old_secret       text,
  old_secret_until timestamptz,
  state            text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
  disabled_reason  text,
  failures         int NOT NULL DEFAULT 0,
  failing_since    timestamptz,
  last_error       text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CHECK ((state = 'disabled') = (disabled_reason IS NOT NULL)),
  CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);
COMMENT ON TABLE catalog.webhook_endpoint IS 'Where merchants want order events delivered';
COMMENT ON COLUMN catalog.webhook_endpoint.endpoint IS 'Its id';
COMMENT ON COLUMN catalog.webhook_endpoint.url IS 'Where events are posted to';
COMMENT ON COLUMN catalog.webhook_endpoint.kinds IS 'The kinds of events that it wants';
COMMENT ON COLUMN catalog.webhook_endpoint.secret IS
  'Signs deliveries (Standard Webhooks): leaves the database only through webhook_targets()';
COMMENT ON COLUMN catalog.webhook_endpoint.old_secret IS 'Signs them too, until old_secret_until';
COMMENT ON COLUMN catalog.webhook_endpoint.old_secret_until IS 'End of the old secret';
COMMENT ON COLUMN catalog.webhook_endpoint.state IS 'A disabled one gets nothing, and misses nothing';
COMMENT ON COLUMN catalog.webhook_endpoint.disabled_reason IS 'gone, failing or operator';
COMMENT ON COLUMN catalog.webhook_endpoint.failures IS 'Attempts that failed since the last success';
COMMENT ON COLUMN catalog.webhook_endpoint.failing_since IS 'The first of those';
COMMENT ON COLUMN catalog.webhook_endpoint.last_error IS 'What the last of those met';
COMMENT ON COLUMN catalog.webhook_endpoint.created_at IS
  'Events that were published before are not delivered, unless replayed';

DO $$
DECLARE
  v_schema text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);

    CREATE TABLE webhook_cursor (
      endpoint text COLLATE "C" PRIMARY KEY,
      log_no   bigint NOT NULL
    ) WITH (fillfactor = 50);
    COMMENT ON TABLE webhook_cursor IS 'How far each endpoint has read the log of this schema';
    COMMENT ON COLUMN webhook_cursor.endpoint IS 'Whose';
    COMMENT ON COLUMN webhook_cursor.log_no IS
      'Events up to this place are delivered, or stand in webhook_delivery';

    CREATE TABLE webhook_delivery (
      endpoint    text COLLATE "C" NOT NULL,
      order_no    bigint NOT NULL,
      log_no      bigint NOT NULL,
      sale        text COLLATE "C" NOT NULL,
      happened_at timestamptz NOT NULL,
      attempts    int NOT NULL DEFAULT 0,
      next_at     timestamptz NOT NULL DEFAULT now(),
      last_error  text,
      given_up_at timestamptz,
      PRIMARY KEY (endpoint, order_no, log_no)
    ) WITH (
      fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
      autovacuum_vacuum_cost_delay = 0
    );
    COMMENT ON TABLE webhook_delivery IS
      'Events on their way to endpoints; a delivered one has no row';
    COMMENT ON COLUMN webhook_delivery.endpoint IS 'To whom';
    COMMENT ON COLUMN webhook_delivery.order_no IS 'The order';
    COMMENT ON COLUMN webhook_delivery.log_no IS 'Its event''s place in the log';
    COMMENT ON COLUMN webhook_delivery.sale IS 'Key of the partitions of event and orders';
    COMMENT ON COLUMN webhook_delivery.happened_at IS 'When the event happened';
    COMMENT ON COLUMN webhook_delivery.attempts IS 'Attempts that were begun';
    COMMENT ON COLUMN webhook_delivery.next_at IS
      'The next attempt; while one is under way, when another worker may make it';
    COMMENT ON COLUMN webhook_delivery.last_error IS 'What the last attempt met';
    COMMENT ON COLUMN webhook_delivery.given_up_at IS 'No further attempt, unless it is replayed';
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
