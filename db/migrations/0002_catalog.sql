-- The catalogue: which sales and SKUs there are, and in which schema a SKU's stock lives.
-- Text keys are COLLATE "C": they are sorted on the hot path, and bytes sort fastest.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.sale (
  sale       text COLLATE "C" PRIMARY KEY CHECK (sale ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$'),
  title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  opens_at   timestamptz NOT NULL,
  closes_at  timestamptz NOT NULL,
  pay_window interval NOT NULL
             CHECK (pay_window BETWEEN interval '1 second' AND interval '30 days'),
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (closes_at > opens_at)
);
COMMENT ON TABLE catalog.sale IS 'A sale: its window and how long an order waits for payment';
COMMENT ON COLUMN catalog.sale.pay_window IS 'Time from an order to its expiry if it is not paid';

CREATE TABLE catalog.sku (
  sku        text COLLATE "C" PRIMARY KEY CHECK (sku ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$'),
  sale       text COLLATE "C" NOT NULL REFERENCES catalog.sale,
  schema     text NOT NULL CHECK (schema IN ('regular', 'hot')),
  title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  price      numeric(12, 2) NOT NULL CHECK (price >= 0),
  currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  user_limit int NOT NULL DEFAULT 1 CHECK (user_limit BETWEEN 1 AND 100),
  state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'closed')),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sku_sale ON catalog.sku (sale);
COMMENT ON TABLE catalog.sku IS 'What a sale sells, and the schema that holds its stock and orders';
COMMENT ON COLUMN catalog.sku.user_limit IS 'Units that one user may hold (unpaid and paid)';
COMMENT ON COLUMN catalog.sku.state IS
  'closed refuses orders; paused does not refuse what was admitted before the pause';

CREATE TABLE catalog.ticket_key (
  sale       text COLLATE "C" PRIMARY KEY REFERENCES catalog.sale,
  key        bytea NOT NULL CHECK (length(key) = 32),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.ticket_key IS
  'Signs purchase tickets. A row does not exist before its sale opens: ticket_key() makes it';

CREATE TABLE catalog.tunable (
  name    text COLLATE "C" PRIMARY KEY,
  value   bigint NOT NULL,
  least   bigint NOT NULL,
  most    bigint NOT NULL,
  meaning text NOT NULL,
  CHECK (value BETWEEN least AND most)
);
COMMENT ON TABLE catalog.tunable IS
  'Numbers that a DBA sets with catalog.set_tunable(); in force at the next call of a routine';
INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('late_grace_ms', 600000, 0, 86400000,
   'place_orders honours requests that were taken in time so long after a sale has closed'),
  ('pick_retries', 3, 0, 1000,
   'looks for an unlocked slot before place_orders waits for the locked ones'),
  ('pick_retry_wait_us', 500, 0, 100000,
   'pause between two such looks'),
  ('batch_requests_max', 1000, 1, 100000,
   'requests that place_orders takes in one call'),
  ('slots_default', 16, 1, 1024,
   'slots of a new SKU when create_sku is not told a number'),
  ('outbox_lease_ms', 30000, 100, 3600000,
   'a worker that took outbox events has so long before another may take them'),
  ('overdue_alarm_ms', 300000, 1000, 86400000,
   'audit complains about an unpaid order that is so long past its time');

CREATE TABLE catalog.routine (
  schema          text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL,
  file_sha256     text NOT NULL,
  definition_md5  text NOT NULL,
  installed_at    timestamptz NOT NULL DEFAULT now(),
  installed_by    text NOT NULL DEFAULT session_user,
  PRIMARY KEY (schema, name)
);
COMMENT ON TABLE catalog.routine IS
  'What the installer installed: a routine whose definition differs was changed by hand';

RESET ROLE;
