-- The tables of a database as the migrations have left them. Written by: npm run schema
-- :schema stands for regular and for hot, which have the same tables. Everything belongs to
-- flashsale_owner. Routines are in db/procedures, the texts of views in db/views. Sales have partitions
-- of their own, which create_sale makes.

-- A second version of place_orders that takes some of the calls of its schema
CREATE TABLE catalog.canary (
  -- Whose place_orders has a second version
  schema text COLLATE "C" NOT NULL,
  -- Name of the second version
  routine text NOT NULL,
  -- Share of the calls that it takes, 0 to 1
  share double precision NOT NULL,
  -- SKUs whose calls it takes in any case
  skus text[] NOT NULL,
  -- Its file, for canary promote
  source text NOT NULL,
  -- Since when
  started_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The login that started it
  started_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT canary_pkey PRIMARY KEY (schema),
  CONSTRAINT canary_routine_check CHECK ((routine = 'place_orders_canary'::text)),
  CONSTRAINT canary_schema_check CHECK ((schema = ANY (ARRAY['regular'::text, 'hot'::text]))),
  CONSTRAINT canary_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision)))
);

CREATE TRIGGER refresh_sku_terms AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON catalog.canary FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- Copy of the rule of contracts/money.ts: the installer writes it; change that file, not this table
CREATE TABLE catalog.currency (
  -- ISO 4217
  currency text COLLATE "C" NOT NULL,
  -- Digits after the point, by ISO 4217
  minor_digits integer NOT NULL,
  -- The smallest payment that every provider takes; NULL, as the next two: some provider takes none
  pay_least numeric,
  -- Payments are multiples of this
  pay_step numeric,
  -- The largest payment that every provider takes
  pay_most numeric,
  CONSTRAINT currency_pkey PRIMARY KEY (currency),
  CONSTRAINT currency_check CHECK ((pay_most >= pay_least)),
  CONSTRAINT currency_check1 CHECK ((num_nulls(pay_least, pay_step, pay_most) = ANY (ARRAY[0, 3]))),
  CONSTRAINT currency_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT currency_minor_digits_check CHECK (((minor_digits >= 0) AND (minor_digits <= 4))),
  CONSTRAINT currency_pay_least_check CHECK ((pay_least > (0)::numeric)),
  CONSTRAINT currency_pay_step_check CHECK ((pay_step > (0)::numeric))
);

-- Who this database is to payment providers: one row
CREATE TABLE catalog.installation (
  -- Goes along with every session and refund. A copy that is another shop needs another one
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  -- When the database was made
  made_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Orders placed before then may be paid in sessions that carry no identity: the old version made them
  legacy_before timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- Always true: there is one row
  is_one boolean DEFAULT true NOT NULL,
  CONSTRAINT installation_pkey PRIMARY KEY (is_one),
  CONSTRAINT installation_is_one_check CHECK (is_one)
);

-- Which order each reference of the payment provider is for, over both schemas
CREATE TABLE catalog.payment_reference (
  -- The provider's reference
  payment_ref text COLLATE "C" NOT NULL,
  -- Sale of the order
  sale text COLLATE "C" NOT NULL,
  -- The one order that it is for
  order_no bigint NOT NULL,
  CONSTRAINT payment_reference_pkey PRIMARY KEY (payment_ref)
);

-- What the installer installed: a routine whose definition differs was changed by hand
CREATE TABLE catalog.routine (
  -- Schema of the routine or view
  schema text COLLATE "C" NOT NULL,
  -- Its name, also that of its file
  name text COLLATE "C" NOT NULL,
  -- Of its file, as psql would send it
  file_sha256 text NOT NULL,
  -- Of what PostgreSQL made of the file
  definition_md5 text NOT NULL,
  -- When the installer ran the file
  installed_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The login that ran it
  installed_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT routine_pkey PRIMARY KEY (schema, name)
);

-- A sale: its window and how long an order waits for payment
CREATE TABLE catalog.sale (
  -- Its name; also the name of its partitions
  sale text COLLATE "C" NOT NULL,
  -- Shown to shoppers
  title text NOT NULL,
  -- Requests are taken from then on, by this server's clock
  opens_at timestamp with time zone NOT NULL,
  -- No request is admitted after it; those taken in time are honoured for late_grace_ms more
  closes_at timestamp with time zone NOT NULL,
  -- Time from an order to its expiry if it is not paid
  pay_window interval NOT NULL,
  -- When create_sale made it
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Ranks users when requests are shed by lottery; leaves the database only through sale_lottery()
  lottery_secret bytea DEFAULT sha256(((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) || uuid_send(gen_random_uuid()))) NOT NULL,
  CONSTRAINT sale_pkey PRIMARY KEY (sale),
  CONSTRAINT sale_check CHECK ((closes_at > opens_at)),
  CONSTRAINT sale_lottery_secret_check CHECK ((length(lottery_secret) = 32)),
  CONSTRAINT sale_pay_window_check CHECK (((pay_window >= '00:00:01'::interval) AND (pay_window <= '30 days'::interval))),
  CONSTRAINT sale_sale_check CHECK ((sale ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$'::text)),
  CONSTRAINT sale_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);

CREATE TRIGGER refresh_sku_terms AFTER UPDATE ON catalog.sale FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- What a sale sells, and the schema that holds its stock and orders
CREATE TABLE catalog.sku (
  -- Its name: in ZooKeeper paths, messages and tickets too
  sku text COLLATE "C" NOT NULL,
  -- The sale that it belongs to
  sale text COLLATE "C" NOT NULL,
  -- Where its stock lives and its requests are decided; a move changes it
  schema text NOT NULL,
  -- Shown to shoppers
  title text NOT NULL,
  -- Price of one unit
  price numeric NOT NULL,
  -- ISO 4217
  currency text NOT NULL,
  -- Units that one user may hold (unpaid and paid)
  user_limit integer DEFAULT 1 NOT NULL,
  -- closed refuses orders; paused does not refuse what was admitted before the pause
  state text DEFAULT 'open'::text NOT NULL,
  -- When create_sku made it
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- How often it moved between the schemas; above 0, orders of it may be in both
  moves integer DEFAULT 0 NOT NULL,
  -- When it moved last
  moved_at timestamp with time zone,
  -- Whether units that come back go to the line; the keeper clears it while the operators' state or quota forbids sales
  line_open boolean DEFAULT true NOT NULL,
  -- Its schema is the one of another server; here, that schema only takes post for it
  abroad boolean DEFAULT false NOT NULL,
  CONSTRAINT sku_pkey PRIMARY KEY (sku),
  CONSTRAINT sku_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT sku_price_check CHECK ((price >= (0)::numeric)),
  CONSTRAINT sku_sale_fkey FOREIGN KEY (sale) REFERENCES catalog.sale(sale),
  CONSTRAINT sku_schema_check CHECK ((schema = ANY (ARRAY['regular'::text, 'hot'::text]))),
  CONSTRAINT sku_sku_check CHECK ((sku ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$'::text)),
  CONSTRAINT sku_state_check CHECK ((state = ANY (ARRAY['open'::text, 'paused'::text, 'closed'::text]))),
  CONSTRAINT sku_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200))),
  CONSTRAINT sku_user_limit_check CHECK (((user_limit >= 1) AND (user_limit <= 100)))
);

CREATE INDEX sku_sale ON catalog.sku USING btree (sale);

CREATE TRIGGER check_price BEFORE INSERT OR UPDATE OF price, currency, user_limit ON catalog.sku FOR EACH ROW EXECUTE FUNCTION catalog.check_price();

CREATE TRIGGER keep_refusals AFTER INSERT ON catalog.sku FOR EACH ROW EXECUTE FUNCTION catalog.keep_refusals();

CREATE TRIGGER refresh_sku_terms AFTER INSERT OR DELETE OR UPDATE OF sku, sale, schema, abroad, moves, price, currency, user_limit, state OR TRUNCATE ON catalog.sku FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- Copy of what place_orders needs of sku, sale, tunable and canary: change those, not this
CREATE TABLE catalog.sku_terms (
  -- catalog.sku
  sku text COLLATE "C" NOT NULL,
  -- catalog.sku
  sale text COLLATE "C" NOT NULL,
  -- catalog.sku.schema
  home text COLLATE "C" NOT NULL,
  -- catalog.sku
  abroad boolean NOT NULL,
  -- catalog.sku.moves > 0
  moved boolean NOT NULL,
  -- catalog.sku
  price numeric NOT NULL,
  -- catalog.sku
  currency text NOT NULL,
  -- catalog.sku
  user_limit integer NOT NULL,
  -- catalog.sku
  state text NOT NULL,
  -- catalog.sale
  opens_at timestamp with time zone NOT NULL,
  -- catalog.sale.closes_at + late_grace_ms
  late_until timestamp with time zone NOT NULL,
  -- catalog.sale
  pay_window interval NOT NULL,
  -- catalog.canary.routine of its home; NULL: none
  canary text,
  -- Named in catalog.canary.skus
  canary_always boolean NOT NULL,
  -- catalog.canary.share
  canary_share double precision NOT NULL,
  -- catalog.tunable
  batch_requests_max bigint NOT NULL,
  -- catalog.tunable
  pick_retries bigint NOT NULL,
  -- catalog.tunable
  pick_retry_wait_us bigint NOT NULL,
  -- catalog.tunable
  call_figures boolean NOT NULL,
  -- catalog.sale: all but its own
  other_sales text[],
  -- Until when request ids of other_sales are looked for: closes_at + request_memory_s
  other_until timestamp with time zone[],
  -- The latest of other_until
  others_until timestamp with time zone,
  CONSTRAINT sku_terms_pkey PRIMARY KEY (sku)
);

-- Sign purchase tickets, the newest of a sale now. None exists before its sale opens
CREATE TABLE catalog.ticket_key (
  -- Whose tickets it signs
  sale text COLLATE "C" NOT NULL,
  -- 32 random bytes: a secret
  key bytea NOT NULL,
  -- When a web node asked for it, or an operator
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Ascending from 1; a key retires when the next one is made. The first also signs receipts
  id integer DEFAULT 1 NOT NULL,
  -- Since then nothing that it signed is a ticket
  revoked_at timestamp with time zone,
  CONSTRAINT ticket_key_pkey PRIMARY KEY (sale, id),
  CONSTRAINT ticket_key_id_check CHECK ((id >= 1)),
  CONSTRAINT ticket_key_key_check CHECK ((length(key) = 32)),
  CONSTRAINT ticket_key_sale_fkey FOREIGN KEY (sale) REFERENCES catalog.sale(sale)
);

-- Numbers that a DBA sets with catalog.set_tunable(); in force at the next call of a routine
CREATE TABLE catalog.tunable (
  -- Its name; the unit comes last
  name text COLLATE "C" NOT NULL,
  -- In force at the next call
  value bigint NOT NULL,
  -- The lowest value that is taken
  "least" bigint NOT NULL,
  -- The highest value that is taken
  most bigint NOT NULL,
  -- What it does
  meaning text NOT NULL,
  CONSTRAINT tunable_pkey PRIMARY KEY (name),
  CONSTRAINT tunable_check CHECK (((value >= "least") AND (value <= most)))
);

CREATE TRIGGER refresh_sku_terms AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON catalog.tunable FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- Where merchants want order events delivered
CREATE TABLE catalog.webhook_endpoint (
  -- Its id
  endpoint text COLLATE "C" NOT NULL,
  -- Where events are posted to
  url text NOT NULL,
  -- The kinds of events that it wants
  kinds text[] NOT NULL,
  -- Signs deliveries (Standard Webhooks): leaves the database only through webhook_targets()
  secret text NOT NULL,
  -- Signs them too, until old_secret_until
  old_secret text,
  -- End of the old secret
  old_secret_until timestamp with time zone,
  -- A disabled one gets nothing, and misses nothing
  state text DEFAULT 'active'::text NOT NULL,
  -- gone, failing or operator
  disabled_reason text,
  -- Attempts that failed since the last success
  failures integer DEFAULT 0 NOT NULL,
  -- The first of those
  failing_since timestamp with time zone,
  -- What the last of those met
  last_error text,
  -- Events that were published before are not delivered, unless replayed
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT webhook_endpoint_pkey PRIMARY KEY (endpoint),
  CONSTRAINT webhook_endpoint_check CHECK (((state = 'disabled'::text) = (disabled_reason IS NOT NULL))),
  CONSTRAINT webhook_endpoint_check1 CHECK (((old_secret IS NULL) = (old_secret_until IS NULL))),
  CONSTRAINT webhook_endpoint_endpoint_check CHECK ((endpoint ~ '^wh_[0-9a-f]{12}$'::text)),
  CONSTRAINT webhook_endpoint_kinds_check CHECK (((cardinality(kinds) > 0) AND (kinds <@ ARRAY['placed'::text, 'paid'::text, 'cancelled'::text, 'expired'::text, 'refund_due'::text, 'refunded'::text]))),
  CONSTRAINT webhook_endpoint_secret_check CHECK ((secret ~~ 'whsec\_%'::text)),
  CONSTRAINT webhook_endpoint_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text]))),
  CONSTRAINT webhook_endpoint_url_check CHECK (((length(url) >= 8) AND (length(url) <= 2000)))
);

GRANT USAGE ON SCHEMA catalog TO flashsale_ops;

GRANT USAGE ON SCHEMA catalog TO flashsale_readonly;

GRANT USAGE ON SCHEMA catalog TO flashsale_web;

GRANT USAGE ON SCHEMA catalog TO flashsale_worker;

CREATE SEQUENCE regular.order_no AS bigint START 1 INCREMENT 2;

CREATE SEQUENCE hot.order_no AS bigint START 2 INCREMENT 2;

CREATE SEQUENCE :schema.dead_letter_no AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE :schema.event_no AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE :schema.log_no AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE :schema.movement_no AS bigint START 1 INCREMENT 1;

-- The last audit of this schema and when the next is due: one row
CREATE TABLE :schema.audit_run (
  -- There is one row
  one boolean DEFAULT true NOT NULL,
  -- A worker takes the next one after that; while one is under way, when another may take it
  next_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- Rows that the last one found
  broken integer,
  -- How long it took
  took_ms integer,
  -- When it ended
  ended_at timestamp with time zone,
  CONSTRAINT audit_run_pkey PRIMARY KEY (one),
  CONSTRAINT audit_run_one_check CHECK (one)
) WITH (fillfactor=50);

-- Units that each user holds of each SKU, for the limit per user
CREATE TABLE :schema.buyer (
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- What the user holds units of
  sku text COLLATE "C" NOT NULL,
  -- Who
  user_id text COLLATE "C" NOT NULL,
  -- Units of unpaid and paid orders, of both schemas; kept where the SKU lives
  units integer NOT NULL,
  -- Units that came back were held for the user so often; who had none goes first in the line
  claims integer DEFAULT 0 NOT NULL,
  CONSTRAINT buyer_pkey PRIMARY KEY (user_id, sku, sale),
  CONSTRAINT buyer_claims_check CHECK ((claims >= 0)) NOT VALID,
  CONSTRAINT buyer_units_check CHECK ((units >= 0))
) PARTITION BY LIST (sale);

-- The session of the payment provider in which an order is paid: one at a time
CREATE TABLE :schema.checkout (
  -- The order that is paid in it
  order_no bigint NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- The provider's reference of the session, with the provider's name in front
  session_ref text COLLATE "C" NOT NULL,
  -- Where the shopper pays; told to nobody before it stands here
  url text NOT NULL,
  -- The provider ends it by itself then
  ends_at timestamp with time zone NOT NULL,
  -- How many sessions the order has had, with this one
  attempt integer DEFAULT 1 NOT NULL,
  -- open; ending: the order has ended, a worker ends the session; paying: it was completed, and the provider has not said what became of the payment; ended
  state text DEFAULT 'open'::text NOT NULL,
  -- How often a worker has asked the provider to end it
  tries integer DEFAULT 0 NOT NULL,
  -- Not before: a worker has it in hand, or it failed
  next_try_at timestamp with time zone DEFAULT now() NOT NULL,
  -- What the provider said when it failed last
  last_error text,
  -- When this row changed last
  changed_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT checkout_pkey PRIMARY KEY (order_no, sale),
  CONSTRAINT checkout_state_check CHECK ((state = ANY (ARRAY['open'::text, 'ending'::text, 'paying'::text, 'ended'::text])))
) PARTITION BY LIST (sale);

CREATE INDEX checkout_ending ON ONLY :schema.checkout USING btree (next_try_at) WHERE (state = 'ending'::text);

-- What operators did with dead letters: a message that leaves that queue is never forgotten
CREATE TABLE :schema.dead_letter (
  -- Ascending, with gaps
  dead_letter_no bigint DEFAULT nextval(':schema.dead_letter_no'::regclass) NOT NULL,
  -- Its id in flashsale dead-letters: a hash of the content
  letter text NOT NULL,
  -- replayed (back to the orders queue) or refused
  action text NOT NULL,
  -- The queue that it stood in before
  queue text NOT NULL,
  -- Why no worker could decide it
  cause text NOT NULL,
  -- The error that the worker met, with its SQLSTATE
  error text,
  -- NULL if it could not be read
  sku text COLLATE "C",
  -- The requests that could be read in it
  request_ids uuid[] NOT NULL,
  -- Of a refusal: what its shoppers were told
  reason text,
  -- Headers of the message
  headers jsonb NOT NULL,
  -- Its first bytes
  content bytea NOT NULL,
  -- Its length
  bytes integer NOT NULL,
  -- When
  handled_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Who: user and machine of the command
  handled_by text NOT NULL,
  CONSTRAINT dead_letter_pkey PRIMARY KEY (dead_letter_no),
  CONSTRAINT dead_letter_action_check CHECK ((action = ANY (ARRAY['replayed'::text, 'refused'::text])))
);

-- Order events that are published: one row a transaction and SKU, in the order of the log
CREATE TABLE :schema.event (
  -- Its place: whoever has read up to one has missed none before it; ascending, with gaps
  log_no bigint DEFAULT nextval(':schema.log_no'::regclass) NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- Its number in the outbox, part of the events' ids
  event_no bigint NOT NULL,
  -- What happened to the orders
  kind text NOT NULL,
  -- Their SKU
  sku text COLLATE "C" NOT NULL,
  -- The orders
  order_nos bigint[] NOT NULL,
  -- When
  happened_at timestamp with time zone NOT NULL,
  -- When it was known to be published
  logged_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Of refund_due and refunded: the payment
  payment_ref text COLLATE "C",
  CONSTRAINT event_pkey PRIMARY KEY (log_no, sale),
  CONSTRAINT event_kind_check CHECK ((kind = ANY (ARRAY['placed'::text, 'paid'::text, 'cancelled'::text, 'expired'::text, 'refund_due'::text, 'refunded'::text]))) NOT VALID
) PARTITION BY LIST (sale);

-- Web nodes that are settled as dead: late requests of theirs are rejected
CREATE TABLE :schema.fenced_node (
  -- Name of a web process; never used again
  node text COLLATE "C" NOT NULL,
  -- When the keeper settled it
  fenced_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT fenced_node_pkey PRIMARY KEY (node)
);

-- Orders; ordered (unpaid) and paid ones hold their units, cancelled and expired ones do not
CREATE TABLE :schema.orders (
  -- Odd in regular, even in hot
  order_no bigint NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- What was ordered
  sku text COLLATE "C" NOT NULL,
  -- The request that it came from
  request_id uuid NOT NULL,
  -- Who ordered
  user_id text COLLATE "C" NOT NULL,
  -- Units that it holds while it is ordered or paid
  units integer NOT NULL,
  -- Units times the price at that moment
  amount numeric NOT NULL,
  -- ISO 4217
  currency text NOT NULL,
  -- ordered (unpaid), paid, cancelled or expired
  status text DEFAULT 'ordered'::text NOT NULL,
  -- When it was ordered
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- expire_orders ends it after that, if it is not paid
  pay_before timestamp with time zone NOT NULL,
  -- When its status changed last
  changed_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT orders_pkey PRIMARY KEY (order_no, sale),
  CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['ordered'::text, 'paid'::text, 'cancelled'::text, 'expired'::text]))),
  CONSTRAINT orders_units_check CHECK ((units > 0))
) PARTITION BY LIST (sale);

CREATE INDEX orders_unpaid ON ONLY :schema.orders USING btree (sku, pay_before) WHERE (status = 'ordered'::text);

CREATE INDEX orders_user ON ONLY :schema.orders USING btree (user_id);

CREATE TRIGGER end_checkouts AFTER UPDATE ON :schema.orders REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION :schema.end_checkouts();

-- Order events that are still to be published: one row a transaction and SKU
CREATE TABLE :schema.outbox (
  -- Ascending, with gaps
  event_no bigint DEFAULT nextval(':schema.event_no'::regclass) NOT NULL,
  -- What happened to the orders
  kind text NOT NULL,
  -- Their sale
  sale text COLLATE "C" NOT NULL,
  -- Their SKU
  sku text COLLATE "C" NOT NULL,
  -- The orders
  order_nos bigint[] NOT NULL,
  -- When
  happened_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Of refund_due and refunded: the payment
  payment_ref text COLLATE "C",
  CONSTRAINT outbox_pkey PRIMARY KEY (event_no),
  CONSTRAINT outbox_kind_check CHECK ((kind = ANY (ARRAY['placed'::text, 'paid'::text, 'cancelled'::text, 'expired'::text, 'refund_due'::text, 'refunded'::text]))) NOT VALID
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);

-- Who publishes the events of the outbox: one row
CREATE TABLE :schema.outbox_relay (
  -- There is one row
  one boolean DEFAULT true NOT NULL,
  -- A name that the relay gave itself
  relay text DEFAULT ''::text NOT NULL,
  -- Another may take over after that
  leased_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- Outbox and log together have every event of orders made since then
  log_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  CONSTRAINT outbox_relay_pkey PRIMARY KEY (one),
  CONSTRAINT outbox_relay_one_check CHECK (one)
) WITH (fillfactor=50);

-- The one final outcome of each request id; never updated
CREATE TABLE :schema.outcome (
  -- Idempotency-Key or id of the ticket
  request_id uuid NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- What was wanted
  sku text COLLATE "C" NOT NULL,
  -- Whose request it was
  user_id text COLLATE "C" NOT NULL,
  -- The web node that admitted the request
  node text COLLATE "C" NOT NULL,
  -- How the request ended
  status text NOT NULL,
  -- Why, where the status alone does not say it
  reason text,
  -- The order, if it became one
  order_no bigint,
  -- Units ordered: 0 unless the status is ordered
  units integer NOT NULL,
  -- When
  decided_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT outcome_pkey PRIMARY KEY (request_id, sale),
  CONSTRAINT outcome_check CHECK (((status = 'ordered'::text) = (order_no IS NOT NULL))),
  CONSTRAINT outcome_check1 CHECK (((status = 'ordered'::text) = (units > 0))),
  CONSTRAINT outcome_status_check CHECK ((status = ANY (ARRAY['ordered'::text, 'sold_out'::text, 'limit_reached'::text, 'closed'::text, 'rejected'::text]))),
  CONSTRAINT outcome_units_check CHECK ((units >= 0))
) PARTITION BY LIST (sale);

-- Payments by the provider's reference; refund_due: money came, but no unit was left for it
CREATE TABLE :schema.payment (
  -- The provider's reference
  payment_ref text COLLATE "C" NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- The order that it is for
  order_no bigint NOT NULL,
  -- paid, or refund_due: the order could not have the money
  result text NOT NULL,
  -- When the provider told us
  received_at timestamp with time zone DEFAULT now() NOT NULL,
  -- What came; NULL: as much as the order costs
  amount numeric,
  -- NULL: that of the order
  currency text,
  CONSTRAINT payment_pkey PRIMARY KEY (payment_ref, sale),
  CONSTRAINT payment_result_check CHECK ((result = ANY (ARRAY['paid'::text, 'refund_due'::text])))
) PARTITION BY LIST (sale);

CREATE INDEX payment_order ON ONLY :schema.payment USING btree (order_no);

CREATE INDEX payment_to_refund ON ONLY :schema.payment USING btree (received_at) WHERE (result = 'refund_due'::text);

-- What each call of place_orders met, for the cockpit; not kept for long, lost in a crash
CREATE UNLOGGED TABLE :schema.place_call (
  -- Start of the transaction
  called_at timestamp with time zone NOT NULL,
  -- The SKU of the call
  sku text COLLATE "C" NOT NULL,
  -- place_orders, or place_orders_canary
  routine text NOT NULL,
  -- Requests in the batch
  requests integer NOT NULL,
  -- Requests that became orders
  ordered integer NOT NULL,
  -- Requests answered locked: to be called again
  locked integer NOT NULL,
  -- Units sold
  units bigint NOT NULL,
  -- Slots that the call locked
  slots integer NOT NULL,
  -- Called with p_wait: waited for the slots of others
  waited boolean NOT NULL,
  -- The first slot it got had less than 7/8 of the units of the fullest; told of batches only
  passed_over boolean NOT NULL,
  -- Looks that found no slot although units were there: all of those were locked
  false_empty integer NOT NULL,
  -- Looks after the first, each after a pause
  retries integer NOT NULL,
  -- Microseconds from the first slot lock to the end of the routine; COMMIT comes on top
  lock_us integer NOT NULL,
  -- Microseconds from the start of the transaction to that end
  total_us integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor=0.2, autovacuum_vacuum_insert_scale_factor=10);

-- What has become of payments whose result is refund_due, once a worker has begun
CREATE TABLE :schema.refund (
  -- The payment that is given back
  payment_ref text COLLATE "C" NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- The order that could not have it
  order_no bigint NOT NULL,
  -- due, or done
  state text DEFAULT 'due'::text NOT NULL,
  -- How often a worker has asked the provider
  tries integer DEFAULT 0 NOT NULL,
  -- Not before: a worker has it in hand, or it failed
  next_try_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The provider's reference of the refund
  refund_ref text,
  -- What the provider said when it failed last
  last_error text,
  -- When this row changed last
  changed_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The provider's references of refunds that came to nothing, the oldest first
  failed_refs text[] DEFAULT '{}'::text[] NOT NULL,
  CONSTRAINT refund_pkey PRIMARY KEY (payment_ref, sale),
  CONSTRAINT refund_check CHECK (((state = 'done'::text) = (refund_ref IS NOT NULL))),
  CONSTRAINT refund_state_check CHECK ((state = ANY (ARRAY['due'::text, 'done'::text])))
) PARTITION BY LIST (sale);

CREATE INDEX refund_due ON ONLY :schema.refund USING btree (next_try_at) WHERE (state = 'due'::text);

-- Outcomes of refused requests whose SKU no catalogue has, so that no sale has a place for them
CREATE TABLE :schema.refused_request (
  -- Idempotency-Key or id of the ticket
  request_id uuid NOT NULL,
  -- What was wanted
  sku text COLLATE "C" NOT NULL,
  -- Whose request it was
  user_id text COLLATE "C" NOT NULL,
  -- What the shopper is told
  reason text NOT NULL,
  -- When
  refused_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT refused_request_pkey PRIMARY KEY (request_id)
);

-- Append-only book of every change of a slot; one row a slot and transaction
CREATE TABLE :schema.stock_movement (
  -- Ascending, with gaps
  movement_no bigint DEFAULT nextval(':schema.movement_no'::regclass) NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- Whose units
  sku text COLLATE "C" NOT NULL,
  -- The slot that changed
  slot integer NOT NULL,
  -- load, restock, sale, return; split and merge (between slots); move (between schemas)
  kind text NOT NULL,
  -- Signed: what was added to the units of the slot
  units integer NOT NULL,
  -- When
  moved_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT stock_movement_pkey PRIMARY KEY (movement_no, sale),
  CONSTRAINT stock_movement_check CHECK (((kind <> ALL (ARRAY['load'::text, 'restock'::text, 'return'::text])) OR (units > 0))),
  CONSTRAINT stock_movement_check1 CHECK (((kind <> 'sale'::text) OR (units < 0))),
  CONSTRAINT stock_movement_kind_check CHECK ((kind = ANY (ARRAY['load'::text, 'restock'::text, 'sale'::text, 'return'::text, 'split'::text, 'merge'::text, 'move'::text]))),
  CONSTRAINT stock_movement_units_check CHECK ((units <> 0))
) PARTITION BY LIST (sale);

CREATE INDEX stock_movement_supply ON ONLY :schema.stock_movement USING btree (sku) INCLUDE (units) WHERE (kind = ANY (ARRAY['load'::text, 'restock'::text]));

-- Free units of each SKU, spread over slots
CREATE TABLE :schema.stock_slot (
  -- Whose units
  sku text COLLATE "C" NOT NULL,
  -- Its number, from 1
  slot integer NOT NULL,
  -- Free units in it
  remaining integer NOT NULL,
  CONSTRAINT stock_slot_pkey PRIMARY KEY (sku, slot),
  CONSTRAINT stock_slot_remaining_check CHECK ((remaining >= 0)),
  CONSTRAINT stock_slot_slot_check CHECK ((slot >= 1))
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=500, autovacuum_vacuum_cost_delay=0);

-- Post for this schema on its own server: filled where it is not at home, carried by workers
CREATE TABLE :schema.transfer (
  -- Whose post
  sku text COLLATE "C" NOT NULL,
  -- From 1 without a gap: applied in this order, each once
  transfer_no bigint NOT NULL,
  -- Its sale
  sale text COLLATE "C" NOT NULL,
  -- home: the SKU itself; buyers: users who hold fewer units; units: units that came back; payment: units for a late payment, none if it cannot have them
  kind text NOT NULL,
  -- Units that travel
  units bigint NOT NULL,
  -- Units that travelled with this one and all before
  units_total bigint NOT NULL,
  -- The rest, by kind
  body jsonb NOT NULL,
  -- When it was posted
  sent_at timestamp with time zone DEFAULT now() NOT NULL,
  -- When the sender knew that it was applied; removed some time later
  done_at timestamp with time zone,
  CONSTRAINT transfer_pkey PRIMARY KEY (sku, transfer_no),
  CONSTRAINT transfer_kind_check CHECK ((kind = ANY (ARRAY['home'::text, 'buyers'::text, 'units'::text, 'payment'::text]))),
  CONSTRAINT transfer_transfer_no_check CHECK ((transfer_no >= 1)),
  CONSTRAINT transfer_units_check CHECK ((units >= 0))
);

CREATE INDEX transfer_waiting ON :schema.transfer USING btree (sku, transfer_no) WHERE (done_at IS NULL);

-- How far the post of a SKU has come: sent where the schema is not at home, applied where it is
CREATE TABLE :schema.transfer_mark (
  -- Whose post
  sku text COLLATE "C" NOT NULL,
  -- Last number posted
  sent bigint DEFAULT 0 NOT NULL,
  -- Units posted
  units_sent bigint DEFAULT 0 NOT NULL,
  -- Last number applied
  applied bigint DEFAULT 0 NOT NULL,
  -- Units applied
  units_applied bigint DEFAULT 0 NOT NULL,
  -- Buyers and outcomes that older transactions of the other side wrote are here
  copied xid8,
  -- The copy is complete as of this transfer of kind home: it may be applied
  copied_home bigint DEFAULT 0 NOT NULL,
  -- Who copies now: the rows of another one are refused
  copier uuid,
  -- When that one wrote last
  copied_at timestamp with time zone,
  -- Until then unpaid orders of the other side may give units back
  unpaid_until timestamp with time zone,
  CONSTRAINT transfer_mark_pkey PRIMARY KEY (sku)
);

-- The line of each SKU for units that come back; one row for each time a user asked
CREATE TABLE :schema.waiting (
  -- Its number
  entry uuid DEFAULT gen_random_uuid() NOT NULL,
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- What is waited for
  sku text COLLATE "C" NOT NULL,
  -- Who waits
  user_id text COLLATE "C" NOT NULL,
  -- Units wanted at the most
  units integer NOT NULL,
  -- Units that came back were held for the user so often before: who had none goes first
  claims integer NOT NULL,
  -- The user's rank in the lottery of the sale: the lowest goes first
  rank double precision NOT NULL,
  -- waiting; served: an order was made; limit_reached: the user has enough by now
  state text DEFAULT 'waiting'::text NOT NULL,
  -- When the user asked
  asked_at timestamp with time zone NOT NULL,
  -- When a unit last went to somebody behind, because a call held the user's rows
  passed_over_at timestamp with time zone,
  -- When the state became what it is
  ended_at timestamp with time zone,
  -- The order that holds the unit for the user
  order_no bigint,
  CONSTRAINT waiting_pkey PRIMARY KEY (entry, sale),
  CONSTRAINT waiting_check CHECK (((state = 'waiting'::text) = (ended_at IS NULL))),
  CONSTRAINT waiting_check1 CHECK (((state = 'served'::text) = (order_no IS NOT NULL))),
  CONSTRAINT waiting_claims_check CHECK ((claims >= 0)),
  CONSTRAINT waiting_rank_check CHECK (((rank >= (0)::double precision) AND (rank < (1)::double precision))),
  CONSTRAINT waiting_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'served'::text, 'limit_reached'::text]))),
  CONSTRAINT waiting_units_check CHECK ((units > 0))
) PARTITION BY LIST (sale);

CREATE INDEX waiting_line ON ONLY :schema.waiting USING btree (sku, claims, rank, user_id) WHERE (state = 'waiting'::text);

CREATE INDEX waiting_user ON ONLY :schema.waiting USING btree (user_id, sku);

CREATE UNIQUE INDEX waiting_once ON ONLY :schema.waiting USING btree (user_id, sku, sale) WHERE (state = 'waiting'::text);

-- How far each endpoint has read the log of this schema
CREATE TABLE :schema.webhook_cursor (
  -- Whose
  endpoint text COLLATE "C" NOT NULL,
  -- Events up to this place are delivered, or stand in webhook_delivery
  log_no bigint NOT NULL,
  CONSTRAINT webhook_cursor_pkey PRIMARY KEY (endpoint)
) WITH (fillfactor=50);

-- Events on their way to endpoints; a delivered one has no row
CREATE TABLE :schema.webhook_delivery (
  -- To whom
  endpoint text COLLATE "C" NOT NULL,
  -- The order
  order_no bigint NOT NULL,
  -- Its event's place in the log
  log_no bigint NOT NULL,
  -- Key of the partitions of event and orders
  sale text COLLATE "C" NOT NULL,
  -- When the event happened
  happened_at timestamp with time zone NOT NULL,
  -- Attempts that were begun
  attempts integer DEFAULT 0 NOT NULL,
  -- The next attempt; while one is under way, when another worker may make it
  next_at timestamp with time zone DEFAULT now() NOT NULL,
  -- What the last attempt met
  last_error text,
  -- No further attempt, unless it is replayed
  given_up_at timestamp with time zone,
  CONSTRAINT webhook_delivery_pkey PRIMARY KEY (endpoint, order_no, log_no)
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);

-- What waits in this schema, since when, and what to do about it
-- VIEW :schema.backlog (
--  waiting text
--  count bigint
--  since timestamp with time zone
--  remedy text
-- );

-- What operators did with dead letters, newest first
-- VIEW :schema.handled_dead_letters (
--  handled_at timestamp with time zone
--  handled_by text
--  action text
--  letter text
--  queue text
--  cause text
--  error text
--  sku text COLLATE "C"
--  request_ids uuid[]
--  reason text
--  headers jsonb
--  bytes integer
--  content bytea
--  dead_letter_no bigint
-- );

-- Shoppers who wait for units that come back, by SKU
-- VIEW :schema.line_backlog (
--  sale text COLLATE "C"
--  sku text COLLATE "C"
--  is_open boolean
--  waiting bigint
--  served bigint
--  since timestamp with time zone
--  last_served timestamp with time zone
-- );

-- Skips, retries, false-empty looks and lock times of place_orders, by minute, SKU and version
-- VIEW :schema.place_rates (
--  minute timestamp with time zone
--  sku text COLLATE "C"
--  routine text
--  calls bigint
--  requests bigint
--  ordered bigint
--  units numeric
--  requests_a_call numeric
--  slots_a_call numeric
--  passed_over_rate numeric
--  retry_rate numeric
--  false_empty bigint
--  waited_rate numeric
--  locked bigint
--  lock_ms_p50 numeric
--  lock_ms_p99 numeric
--  total_ms_p99 numeric
-- );

-- Money that orders could not have, and whether it was given back
-- VIEW :schema.refunds (
--  payment_ref text COLLATE "C"
--  sale text COLLATE "C"
--  order_no bigint
--  state text
--  received_at timestamp with time zone
--  tries integer
--  refund_ref text
--  last_error text
--  next_try_at timestamp with time zone
--  failed_refs text[]
-- );

-- Each slot with its units, its share of the free units, and the share of the fullest slot
-- VIEW :schema.slot_fill (
--  sale text COLLATE "C"
--  sku text COLLATE "C"
--  slot integer
--  remaining integer
--  free bigint
--  share numeric
--  fullest_share numeric
--  empty_slots bigint
--  slots bigint
-- );

-- How scattered the free units of each SKU are: the fullest slot against all free units
-- VIEW :schema.slot_fragmentation (
--  sale text COLLATE "C"
--  sku text COLLATE "C"
--  slots bigint
--  empty_slots bigint
--  remaining bigint
--  largest integer
--  largest_share numeric
-- );

-- HOT ratio and dead rows of the tables of this schema, partitions added up
-- VIEW :schema.table_health (
--  relation text COLLATE "C"
--  inserted bigint
--  updated bigint
--  hot_ratio numeric
--  live bigint
--  dead bigint
--  dead_share numeric
--  size_bytes bigint
--  vacuumed_at timestamp with time zone
-- );

-- Orders and units that wait for payment, by SKU
-- VIEW :schema.unpaid_backlog (
--  sale text COLLATE "C"
--  sku text COLLATE "C"
--  orders bigint
--  units bigint
--  first_due timestamp with time zone
--  last_due timestamp with time zone
--  overdue bigint
-- );

GRANT SELECT ON :schema.backlog TO flashsale_ops;

GRANT SELECT ON :schema.backlog TO flashsale_readonly;

GRANT SELECT ON :schema.handled_dead_letters TO flashsale_ops;

GRANT SELECT ON :schema.handled_dead_letters TO flashsale_readonly;

GRANT SELECT ON :schema.line_backlog TO flashsale_ops;

GRANT SELECT ON :schema.line_backlog TO flashsale_readonly;

GRANT SELECT ON :schema.place_rates TO flashsale_ops;

GRANT SELECT ON :schema.place_rates TO flashsale_readonly;

GRANT SELECT ON :schema.refunds TO flashsale_ops;

GRANT SELECT ON :schema.refunds TO flashsale_readonly;

GRANT USAGE ON SCHEMA :schema TO flashsale_ops;

GRANT USAGE ON SCHEMA :schema TO flashsale_readonly;

GRANT USAGE ON SCHEMA :schema TO flashsale_web;

GRANT USAGE ON SCHEMA :schema TO flashsale_worker;

GRANT SELECT ON :schema.slot_fill TO flashsale_ops;

GRANT SELECT ON :schema.slot_fill TO flashsale_readonly;

GRANT SELECT ON :schema.slot_fragmentation TO flashsale_ops;

GRANT SELECT ON :schema.slot_fragmentation TO flashsale_readonly;

GRANT SELECT ON :schema.table_health TO flashsale_ops;

GRANT SELECT ON :schema.table_health TO flashsale_readonly;

GRANT SELECT ON :schema.unpaid_backlog TO flashsale_ops;

GRANT SELECT ON :schema.unpaid_backlog TO flashsale_readonly;
