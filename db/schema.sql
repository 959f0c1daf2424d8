-- The tables of a database as the migrations have left them. Written by: npm run schema
-- :schema stands for regular and for hot, which have the same tables. Everything belongs to
-- flashsale_owner. Routines are in db/procedures, the texts of views in db/views. Sales have partitions
-- of their own, which create_sale makes.

CREATE SEQUENCE catalog.action_action_no_seq AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE catalog.notice_notice_no_seq AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE catalog.routine_canary_run_seq AS bigint START 1 INCREMENT 1;

-- Actions of people on sales and orders of this server, written in their transactions. Append-only
CREATE TABLE catalog.action (
  -- Number of the action: ascending, with gaps
  action_no bigint NOT NULL,
  -- When it was done
  acted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  -- The person: user@host of a command, or the name of the login of the console
  acted_by text COLLATE "C" NOT NULL,
  -- The deed, such as extend, restock, refund
  action text COLLATE "C" NOT NULL,
  -- The sale; NULL if the action belongs to none
  sale text COLLATE "C",
  -- The object: a sale, a SKU, an order number or a user
  target text COLLATE "C" NOT NULL,
  -- Why, in the words of the person; NULL if none was given
  reason text,
  -- Values before and after, and whatever else explains it
  details jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT action_pkey PRIMARY KEY (action_no),
  CONSTRAINT action_acted_by_check CHECK (((length(acted_by) >= 1) AND (length(acted_by) <= 200))),
  CONSTRAINT action_action_check CHECK ((action ~ '^[a-z][a-z_]{1,39}$'::text)),
  CONSTRAINT action_details_check CHECK ((length((details)::text) <= 100000)),
  CONSTRAINT action_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 1000))),
  CONSTRAINT action_target_check CHECK ((length(target) <= 200))
);

CREATE INDEX action_sale ON catalog.action USING btree (sale, action_no);

CREATE INDEX action_target ON catalog.action USING btree (target, action_no);

-- Canaries of release 0.1.0, for its version of place_orders. Now: routine_canary
CREATE TABLE catalog.canary (
  -- Schema of the place_orders that has a second version
  schema text COLLATE "C" NOT NULL,
  -- Name of the second version
  routine text NOT NULL,
  -- Share of the calls that the second version decides, 0 to 1
  share double precision NOT NULL,
  -- SKUs whose calls all go to the second version
  skus text[] NOT NULL,
  -- Text of its SQL file, which canary promote installs
  source text NOT NULL,
  -- When it was started
  started_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Login that started it
  started_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT canary_pkey PRIMARY KEY (schema),
  CONSTRAINT canary_routine_check CHECK ((routine = 'place_orders_canary'::text)),
  CONSTRAINT canary_schema_check CHECK ((schema = ANY (ARRAY['regular'::text, 'hot'::text]))),
  CONSTRAINT canary_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision)))
);

CREATE TRIGGER refresh_sku_terms AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON catalog.canary FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- Calls of routines that have a canary, until judge_canaries has counted them; lost in a crash
CREATE UNLOGGED TABLE catalog.canary_call (
  -- Schema of the routine
  schema text COLLATE "C" NOT NULL,
  -- Name of the routine
  name text COLLATE "C" NOT NULL,
  -- catalog.routine_canary.run
  run bigint NOT NULL,
  -- Whether the canary took the call
  is_canary boolean NOT NULL,
  -- Microseconds; NULL: not comparable, as it was one of the first calls of a session, or chosen by SKU
  took_us integer
);

-- Rules for amounts of each currency. The installer copies them from contracts/money.ts: change that file, not this table
CREATE TABLE catalog.currency (
  -- Code of ISO 4217
  currency text COLLATE "C" NOT NULL,
  -- Digits after the decimal point, by ISO 4217
  minor_digits integer NOT NULL,
  -- Smallest payment that every provider accepts. All three pay columns are NULL if a provider does not support the currency
  pay_least numeric,
  -- Payments have to be multiples of this amount
  pay_step numeric,
  -- Largest payment that every provider accepts
  pay_most numeric,
  CONSTRAINT currency_pkey PRIMARY KEY (currency),
  CONSTRAINT currency_check CHECK ((pay_most >= pay_least)),
  CONSTRAINT currency_check1 CHECK ((num_nulls(pay_least, pay_step, pay_most) = ANY (ARRAY[0, 3]))),
  CONSTRAINT currency_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT currency_minor_digits_check CHECK (((minor_digits >= 0) AND (minor_digits <= 4))),
  CONSTRAINT currency_pay_least_check CHECK ((pay_least > (0)::numeric)),
  CONSTRAINT currency_pay_step_check CHECK ((pay_step > (0)::numeric))
);

-- The key of each sale with numbered goods that signs the codes of its units. Made once, never changed; on the server of regular
CREATE TABLE catalog.door_key (
  -- The sale
  sale text COLLATE "C" NOT NULL,
  -- The seed of the Ed25519 key: whoever knows it can make codes. Only web nodes read it, through door_key
  seed bytea NOT NULL,
  -- The public key that follows from the seed, with which a door checks codes; NULL until a web node has told it
  public bytea,
  -- When a web node first asked for it
  made_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT door_key_pkey PRIMARY KEY (sale),
  CONSTRAINT door_key_public_check CHECK ((octet_length(public) = 32)),
  CONSTRAINT door_key_sale_fkey FOREIGN KEY (sale) REFERENCES catalog.sale(sale) ON DELETE CASCADE,
  CONSTRAINT door_key_seed_check CHECK ((octet_length(seed) = 32))
);

-- The homes of SKUs that this server knows: on the server of regular all, elsewhere its own
CREATE TABLE catalog.home (
  -- regular, hot, or hot-1 to hot-498
  name text COLLATE "C" NOT NULL,
  -- The last three digits of its order numbers: 1 for regular, 2 for hot, 2 n + 2 for hot-n
  number integer NOT NULL,
  -- Whether this server is that home
  here boolean NOT NULL,
  -- catalog.installation.id of the server of regular; NULL until prepare has told this server
  hub uuid,
  CONSTRAINT home_pkey PRIMARY KEY (name),
  CONSTRAINT home_name_check CHECK ((name ~ '^(regular|hot(-[1-9][0-9]{0,2})?)$'::text)),
  CONSTRAINT home_number_check CHECK (((number >= 1) AND (number <= 999))),
  CONSTRAINT home_number_key UNIQUE (number)
);

-- Identity of this database towards payment providers; one row
CREATE TABLE catalog.installation (
  -- Sent with every session and refund. A copy of the database that becomes another shop needs another id
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  -- When the row was inserted
  made_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Orders placed before this time may be paid in sessions that do not carry the id: an older version made those
  legacy_before timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- Always true: the table has one row
  is_one boolean DEFAULT true NOT NULL,
  CONSTRAINT installation_pkey PRIMARY KEY (is_one),
  CONSTRAINT installation_is_one_check CHECK (is_one)
);

-- Notices to contacts: one row for each order, kind and contact, so that nothing is told twice
CREATE TABLE catalog.notice (
  -- Its number
  notice_no bigint NOT NULL,
  -- The contact that is told. The notice goes when the contact goes
  contact uuid NOT NULL,
  -- The order; 0 for confirm
  order_no bigint NOT NULL,
  -- confirm (asks the owner of an address), ordered, claimed (from the waitlist), expiring, refund_due, refunded, called_off or cancelled (by the shop)
  kind text COLLATE "C" NOT NULL,
  -- Number of the event, for kinds that an order may have several times (refunds); otherwise 0
  event_no bigint DEFAULT 0 NOT NULL,
  -- Channel of the contact
  channel text COLLATE "C" NOT NULL,
  -- held (the contact is not confirmed), due, sent, dropped (not true any more) or given_up
  state text COLLATE "C" NOT NULL,
  -- Facts of the order for the text; no personal data
  facts jsonb DEFAULT '{}'::jsonb NOT NULL,
  -- When the event happened
  happened_at timestamp with time zone NOT NULL,
  -- When it was to be sent first
  due_at timestamp with time zone NOT NULL,
  -- The next attempt; during an attempt, the time from which another worker may make it
  next_at timestamp with time zone NOT NULL,
  -- Later than this it is not worth sending
  until_at timestamp with time zone NOT NULL,
  -- How often somebody had it sent again: each copy is a message of its own
  copy integer DEFAULT 0 NOT NULL,
  -- Attempts that were started
  attempts integer DEFAULT 0 NOT NULL,
  -- Why the last attempt failed; never an address
  last_error text,
  -- When the mail server or push service accepted it
  sent_at timestamp with time zone,
  CONSTRAINT notice_pkey PRIMARY KEY (notice_no),
  CONSTRAINT notice_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'push'::text]))),
  CONSTRAINT notice_check CHECK (((state = 'sent'::text) = (sent_at IS NOT NULL))),
  CONSTRAINT notice_check1 CHECK (((kind = 'confirm'::text) = (order_no = 0))),
  CONSTRAINT notice_contact_fkey FOREIGN KEY (contact) REFERENCES catalog.notice_contact(contact) ON DELETE CASCADE,
  CONSTRAINT notice_contact_order_no_kind_event_no_key UNIQUE (contact, order_no, kind, event_no),
  CONSTRAINT notice_kind_check CHECK ((kind = ANY (ARRAY['confirm'::text, 'ordered'::text, 'claimed'::text, 'expiring'::text, 'refund_due'::text, 'refunded'::text, 'called_off'::text, 'cancelled'::text]))) NOT VALID,
  CONSTRAINT notice_last_error_check CHECK ((length(last_error) <= 200)),
  CONSTRAINT notice_state_check CHECK ((state = ANY (ARRAY['held'::text, 'due'::text, 'sent'::text, 'dropped'::text, 'given_up'::text])))
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);

CREATE INDEX notice_due ON catalog.notice USING btree (channel, next_at) WHERE (state = 'due'::text);

CREATE INDEX notice_lag ON catalog.notice USING btree (channel, due_at) WHERE (state = 'due'::text);

CREATE INDEX notice_order ON catalog.notice USING btree (order_no);

-- Where shoppers want to be told of their orders of a sale: personal data
CREATE TABLE catalog.notice_contact (
  -- Its id, which signed links name
  contact uuid DEFAULT gen_random_uuid() NOT NULL,
  -- The sale whose orders it is for
  sale text COLLATE "C" NOT NULL,
  -- The shopper
  user_id text COLLATE "C" NOT NULL,
  -- email or push
  channel text COLLATE "C" NOT NULL,
  -- The e-mail address, or the URL of the push subscription
  address text NOT NULL,
  -- p256dh key of the push subscription
  push_key text,
  -- auth secret of the push subscription
  push_auth text,
  -- Language of the texts, a BCP 47 tag
  language text COLLATE "C" NOT NULL,
  -- Events from before this time are not told
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- When the owner of the address agreed. Until then only the question itself is sent
  confirmed_at timestamp with time zone,
  CONSTRAINT notice_contact_pkey PRIMARY KEY (contact),
  CONSTRAINT notice_contact_address_check CHECK (((length(address) >= 3) AND (length(address) <= 2000))),
  CONSTRAINT notice_contact_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'push'::text]))),
  CONSTRAINT notice_contact_check CHECK (((channel = 'push'::text) = (push_key IS NOT NULL))),
  CONSTRAINT notice_contact_check1 CHECK (((channel = 'push'::text) = (push_auth IS NOT NULL))),
  CONSTRAINT notice_contact_check2 CHECK (((channel = 'email'::text) OR (confirmed_at IS NOT NULL))),
  CONSTRAINT notice_contact_language_check CHECK ((language ~ '^[A-Za-z][A-Za-z0-9-]{1,34}$'::text)),
  CONSTRAINT notice_contact_push_auth_check CHECK ((length(push_auth) <= 50)),
  CONSTRAINT notice_contact_push_key_check CHECK ((length(push_key) <= 100)),
  CONSTRAINT notice_contact_sale_fkey FOREIGN KEY (sale) REFERENCES catalog.sale(sale)
);

CREATE INDEX notice_contact_push ON catalog.notice_contact USING hash (address) WHERE (channel = 'push'::text);

CREATE INDEX notice_contact_unconfirmed ON catalog.notice_contact USING btree (created_at) WHERE (confirmed_at IS NULL);

CREATE INDEX notice_contact_user ON catalog.notice_contact USING btree (user_id);

CREATE UNIQUE INDEX notice_contact_once ON catalog.notice_contact USING btree (sale, user_id, channel, address);

-- How far notices have been derived from the event log of each schema
CREATE TABLE catalog.notice_position (
  -- The home whose log it is
  schema text COLLATE "C" NOT NULL,
  -- Events up to this number are derived
  log_no bigint DEFAULT 0 NOT NULL,
  CONSTRAINT notice_position_pkey PRIMARY KEY (schema)
) WITH (fillfactor=50);

-- How many confirmations were asked of an address, and by a user, within a day. Rows go after that day
CREATE TABLE catalog.notice_question (
  -- SHA-256 of the address or of the user
  asked bytea NOT NULL,
  -- Start of the day that is counted
  since timestamp with time zone DEFAULT now() NOT NULL,
  -- Questions since then
  mails integer DEFAULT 1 NOT NULL,
  CONSTRAINT notice_question_pkey PRIMARY KEY (asked),
  CONSTRAINT notice_question_mails_check CHECK ((mails > 0))
) WITH (fillfactor=70);

-- The one order that each payment reference belongs to. The server of regular has the references of both schemas until their sale is dropped
CREATE TABLE catalog.payment_reference (
  -- The provider's reference of the payment
  payment_ref text COLLATE "C" NOT NULL,
  -- Sale of the order
  sale text COLLATE "C" NOT NULL,
  -- The order
  order_no bigint NOT NULL,
  -- When the sale was dropped; the payment had been booked in this database. Otherwise NULL
  dropped_at timestamp with time zone,
  CONSTRAINT payment_reference_pkey PRIMARY KEY (payment_ref)
);

-- The pot of each SKU whose goods are amounts; never changed
CREATE TABLE catalog.pot (
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- All that is given away, in the currency of the SKU
  amount numeric NOT NULL,
  -- The number of packets that it was divided into
  packets integer NOT NULL,
  -- How: at random by the double-mean rule, equally, or by a list
  division text COLLATE "C" NOT NULL,
  -- The amounts of the list, as the merchant gave them; NULL without a list
  list numeric[],
  -- The commitment: SHA-256 of the salt and the amounts by position, a line each. NULL where the SKU lives on another server
  sha256 text COLLATE "C",
  -- Secret until the sale is over: 64 hexadecimal digits. NULL where the SKU lives on another server
  salt text COLLATE "C",
  -- When the pot was divided
  made_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT pot_pkey PRIMARY KEY (sku),
  CONSTRAINT pot_amount_check CHECK ((amount > (0)::numeric)),
  CONSTRAINT pot_check CHECK (((division = 'list'::text) = (list IS NOT NULL))),
  CONSTRAINT pot_check1 CHECK (((sha256 IS NULL) = (salt IS NULL))),
  CONSTRAINT pot_division_check CHECK ((division = ANY (ARRAY['random'::text, 'equal'::text, 'list'::text]))),
  CONSTRAINT pot_packets_check CHECK (((packets >= 1) AND (packets <= 100000))),
  CONSTRAINT pot_salt_check CHECK ((salt ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT pot_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT pot_sku_fkey FOREIGN KEY (sku) REFERENCES catalog.sku(sku) ON DELETE CASCADE
);

-- How far this database has come, by which a restored one is recognised; one row
CREATE TABLE catalog.pulse (
  -- Always true: the table has one row
  one boolean DEFAULT true NOT NULL,
  -- The history of the server that was accepted: system identifier and timeline. NULL: the database was set back, and nothing is sold
  history text COLLATE "C",
  -- Beats of the keeper. ZooKeeper remembers the last one; a database with fewer was set back
  beat bigint DEFAULT 0 NOT NULL,
  -- When the keeper last beat
  beaten_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The history for which skip_numbers has moved the sequences on; NULL: none
  skipped text COLLATE "C",
  CONSTRAINT pulse_pkey PRIMARY KEY (one),
  CONSTRAINT pulse_one_check CHECK (one)
) WITH (fillfactor=10);

-- Routines and views that the installer installed. A definition with another MD5 was changed by hand
CREATE TABLE catalog.routine (
  -- Schema of the routine or view
  schema text COLLATE "C" NOT NULL,
  -- Name of the routine or view, and of its file
  name text COLLATE "C" NOT NULL,
  -- SHA-256 of the text of the file, with :schema replaced, in hexadecimal
  file_sha256 text NOT NULL,
  -- MD5 of the definition that PostgreSQL stored for it, in hexadecimal
  definition_md5 text NOT NULL,
  -- When the installer last ran the file
  installed_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Login that ran it
  installed_by text DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT routine_pkey PRIMARY KEY (schema, name)
);

-- Second versions of routines that take some of the calls, and how both versions do
CREATE TABLE catalog.routine_canary (
  -- Schema of the routine
  schema text COLLATE "C" NOT NULL,
  -- Name of the routine
  name text COLLATE "C" NOT NULL,
  -- Number of the start of this canary
  run bigint NOT NULL,
  -- Share of the calls that go to the canary, 0 to 1
  share double precision NOT NULL,
  -- SKUs whose calls always go to the canary
  skus text[] NOT NULL,
  -- Text of its file, for canary promote
  source text NOT NULL,
  -- Definition of the present version, which comes back when the canary ends
  present text NOT NULL,
  -- When the canary was started
  started_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Login that started it
  started_by text COLLATE "C" DEFAULT SESSION_USER NOT NULL,
  -- When judge_canaries looked last; the canary gets no calls when that is a minute ago
  looked_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Calls that were compared: of the present version, of the canary
  calls bigint[] DEFAULT '{0,0}'::bigint[] NOT NULL,
  -- Failed calls: of the present version, of the canary
  failed bigint[] DEFAULT '{0,0}'::bigint[] NOT NULL,
  -- Calls longer than nine in ten of the present version: of the present version, of the canary
  slow bigint[] DEFAULT '{0,0}'::bigint[] NOT NULL,
  -- Logarithms of the likelihood ratios: that it fails twice as often, that it is slow twice as often
  evidence double precision[] DEFAULT '{0,0}'::double precision[] NOT NULL,
  -- Microseconds of the last calls of the present version; at most 1000
  present_us integer[] DEFAULT '{}'::integer[] NOT NULL,
  -- Microseconds of the last calls of the canary; at most 1000
  canary_us integer[] DEFAULT '{}'::integer[] NOT NULL,
  -- When judge_canaries or flashsale db canary stop stopped it; NULL: it runs
  stopped_at timestamp with time zone,
  -- Why it was stopped; with figures if judge_canaries did
  stop_reason text,
  CONSTRAINT routine_canary_pkey PRIMARY KEY (schema, name),
  CONSTRAINT routine_canary_schema_check CHECK ((schema = ANY (ARRAY['regular'::text, 'hot'::text, 'catalog'::text]))),
  CONSTRAINT routine_canary_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision)))
);

-- Routines that were rolled back: the installer does not bring a later known version back
CREATE TABLE catalog.routine_pin (
  -- Schema of the routine or view
  schema text COLLATE "C" NOT NULL,
  -- Name of the routine or view
  name text COLLATE "C" NOT NULL,
  -- The version that is in force
  version integer NOT NULL,
  -- Whether the next installer may replace it: flashsale db release
  released boolean DEFAULT false NOT NULL,
  -- When it was rolled back
  pinned_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The person who rolled it back: user@host
  pinned_by text COLLATE "C" NOT NULL,
  -- Why, in the words of the person
  reason text NOT NULL,
  CONSTRAINT routine_pin_pkey PRIMARY KEY (schema, name),
  CONSTRAINT routine_pin_schema_name_version_fkey FOREIGN KEY (schema, name, version) REFERENCES catalog.routine_version(schema, name, version)
);

-- Each version that a routine or view has had, with its source. The installer keeps the newest ones
CREATE TABLE catalog.routine_version (
  -- Schema of the routine or view
  schema text COLLATE "C" NOT NULL,
  -- Name of the routine or view
  name text COLLATE "C" NOT NULL,
  -- Number of the version, ascending from 1
  version integer NOT NULL,
  -- The definition as PostgreSQL shows it: pg_get_functiondef, or pg_get_viewdef
  source text NOT NULL,
  -- MD5 hash of source
  definition_md5 text NOT NULL,
  -- file: the installer; hand: somebody with psql, found by the installer later; canary: canary promote
  origin text COLLATE "C" NOT NULL,
  -- Version of the software that installed it; NULL: by hand, or by a release that did not keep versions
  release text COLLATE "C",
  -- When it was installed. By hand: when it was found
  installed_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Login that installed it. By hand: login that found it
  installed_by text COLLATE "C" DEFAULT SESSION_USER NOT NULL,
  CONSTRAINT routine_version_pkey PRIMARY KEY (schema, name, version),
  CONSTRAINT routine_version_origin_check CHECK ((origin = ANY (ARRAY['file'::text, 'hand'::text, 'canary'::text]))),
  CONSTRAINT routine_version_version_check CHECK ((version > 0))
);

-- Sales: when they open and close, and how long an order may wait for payment
CREATE TABLE catalog.sale (
  -- Name of the sale; also part of the names of its partitions
  sale text COLLATE "C" NOT NULL,
  -- Title that shoppers see
  title text NOT NULL,
  -- Requests are accepted from this time on, by the clock of this server
  opens_at timestamp with time zone NOT NULL,
  -- No request is admitted after this time. Earlier ones are decided until late_grace_ms (a tunable) later
  closes_at timestamp with time zone NOT NULL,
  -- Time from an order to its expiry if it is not paid
  pay_window interval NOT NULL,
  -- When create_sale created it
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Ranks users in the lottery. Only sale_lottery(), and lottery_secret() for operators, return it
  lottery_secret bytea DEFAULT sha256(((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) || uuid_send(gen_random_uuid()))) NOT NULL,
  -- Languages, texts by language, colours and logo, as the sale file gives them. title has the text of the first language
  presentation jsonb DEFAULT '{}'::jsonb NOT NULL,
  -- When the shop called the sale off: its orders are cancelled, and payments go back. NULL: it was not
  called_off_at timestamp with time zone,
  -- Time to pay for a unit from the waitlist, until the sale closes at the latest; NULL: claim_window_s
  claim_window interval,
  -- Whether the ids of its requests are in request_index. create_sale decides it, once
  has_request_index boolean DEFAULT false NOT NULL,
  CONSTRAINT sale_pkey PRIMARY KEY (sale),
  CONSTRAINT sale_check CHECK ((closes_at > opens_at)),
  CONSTRAINT sale_claim_window_check CHECK (((claim_window >= '00:00:01'::interval) AND (claim_window <= '30 days'::interval))),
  CONSTRAINT sale_lottery_secret_check CHECK ((length(lottery_secret) = 32)),
  CONSTRAINT sale_pay_window_check CHECK (((pay_window >= '00:00:01'::interval) AND (pay_window <= '30 days'::interval))),
  CONSTRAINT sale_presentation_check CHECK (((jsonb_typeof(presentation) = 'object'::text) AND (length((presentation)::text) <= 40000))),
  CONSTRAINT sale_sale_check CHECK ((sale ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$'::text)),
  CONSTRAINT sale_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);

CREATE TRIGGER refresh_sku_terms AFTER UPDATE ON catalog.sale FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- The section of each SKU whose goods are numbered; never changed
CREATE TABLE catalog.section (
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- The seats as the merchant gave them, best first: lines of seats, {row, from, to}, or a list of labels
  seats jsonb NOT NULL,
  -- The number of units
  units integer NOT NULL,
  -- avoid: an order leaves no single seat free between others, if other seats are free; allow: no such rule
  singles text COLLATE "C" NOT NULL,
  -- When the section was made
  made_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT section_pkey PRIMARY KEY (sku),
  CONSTRAINT section_seats_check CHECK ((jsonb_typeof(seats) = 'array'::text)),
  CONSTRAINT section_singles_check CHECK ((singles = ANY (ARRAY['avoid'::text, 'allow'::text]))),
  CONSTRAINT section_sku_fkey FOREIGN KEY (sku) REFERENCES catalog.sku(sku) ON DELETE CASCADE,
  CONSTRAINT section_units_check CHECK (((units >= 1) AND (units <= 100000)))
);

-- SKUs of all sales, with the price, the user limit and the schema of each
CREATE TABLE catalog.sku (
  -- Name of the SKU; also its name in ZooKeeper paths, messages and tickets
  sku text COLLATE "C" NOT NULL,
  -- The sale that it belongs to
  sale text COLLATE "C" NOT NULL,
  -- Schema that has its stock and decides its requests, regular or hot; changes when the SKU moves
  schema text NOT NULL,
  -- Title that shoppers see
  title text NOT NULL,
  -- Price of one unit
  price numeric NOT NULL,
  -- Code of ISO 4217
  currency text NOT NULL,
  -- Units that one user may hold in unpaid and paid orders
  user_limit integer DEFAULT 1 NOT NULL,
  -- open; paused: requests that were admitted before the pause are still decided; closed: requests are refused
  state text DEFAULT 'open'::text NOT NULL,
  -- When the SKU was created or adopted
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- How often the SKU moved to the other schema. Above 0, both schemas may have orders of it
  moves integer DEFAULT 0 NOT NULL,
  -- When the SKU last moved; NULL: never
  moved_at timestamp with time zone,
  -- Whether units that come back go to the waitlist. The keeper clears it while the operators' state or quota forbids sales
  line_open boolean DEFAULT true NOT NULL,
  -- True if the SKU lives on the other server. This server then decides no requests for it and only sends transfers
  abroad boolean DEFAULT false NOT NULL,
  -- Texts by language and the picture, as the sale file gives them. title has the text of the first language
  presentation jsonb DEFAULT '{}'::jsonb NOT NULL,
  -- On the server of regular: the hot home where it lives, or lived last; NULL is hot
  hot_home text COLLATE "C",
  -- The kind of goods: counted, daily (one unit a user and day), amounts (packets of a pot of money), or numbered (seats, serial numbers)
  goods text COLLATE "C" DEFAULT 'counted'::text NOT NULL,
  -- For daily goods: the time zone whose calendar tells the day, such as Europe/Berlin; NULL for others
  zone text COLLATE "C",
  CONSTRAINT sku_pkey PRIMARY KEY (sku),
  CONSTRAINT sku_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT sku_goods_check CHECK (
CASE goods
    WHEN 'counted'::text THEN (zone IS NULL)
    WHEN 'daily'::text THEN ((zone IS NOT NULL) AND (user_limit = 1) AND (price = (0)::numeric))
    WHEN 'amounts'::text THEN ((zone IS NULL) AND (user_limit = 1) AND (price = (0)::numeric))
    WHEN 'numbered'::text THEN (zone IS NULL)
    ELSE false
END),
  CONSTRAINT sku_presentation_check CHECK (((jsonb_typeof(presentation) = 'object'::text) AND (length((presentation)::text) <= 40000))),
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

-- What place_orders needs of sku, sale, tunable and canary. Triggers copy it: change those tables, not this one
CREATE TABLE catalog.sku_terms (
  -- Copy of catalog.sku.sku
  sku text COLLATE "C" NOT NULL,
  -- Copy of catalog.sku.sale
  sale text COLLATE "C" NOT NULL,
  -- Copy of catalog.sku.schema
  home text COLLATE "C" NOT NULL,
  -- Copy of catalog.sku.abroad
  abroad boolean NOT NULL,
  -- Whether catalog.sku.moves is above 0
  moved boolean NOT NULL,
  -- Copy of catalog.sku.price
  price numeric NOT NULL,
  -- Copy of catalog.sku.currency
  currency text NOT NULL,
  -- Copy of catalog.sku.user_limit
  user_limit integer NOT NULL,
  -- Copy of catalog.sku.state
  state text NOT NULL,
  -- Copy of catalog.sale.opens_at
  opens_at timestamp with time zone NOT NULL,
  -- catalog.sale.closes_at plus the tunable late_grace_ms: requests are decided until then
  late_until timestamp with time zone NOT NULL,
  -- Copy of catalog.sale.pay_window
  pay_window interval NOT NULL,
  -- Copy of catalog.canary.routine of the home; NULL: the home has no canary
  canary text,
  -- Whether catalog.canary.skus of the home has the SKU
  canary_always boolean NOT NULL,
  -- Copy of catalog.canary.share of the home; 0 without a canary
  canary_share double precision NOT NULL,
  -- Copy of the tunable batch_requests_max
  batch_requests_max bigint NOT NULL,
  -- Copy of the tunable pick_retries
  pick_retries bigint NOT NULL,
  -- Copy of the tunable pick_retry_wait_us
  pick_retry_wait_us bigint NOT NULL,
  -- Whether the tunable call_figures is 1
  call_figures boolean NOT NULL,
  -- All other sales that have SKUs and no request_index, so place_orders looks for requests in each; NULL if there are none
  other_sales text[],
  -- For each of other_sales, its closes_at plus the tunable request_memory_s: until then its request ids are looked up
  other_until timestamp with time zone[],
  -- The last time until which a sale other than its own counts, with request_index or without; NULL if there is no other
  others_until timestamp with time zone,
  CONSTRAINT sku_terms_pkey PRIMARY KEY (sku)
);

-- Keys that sign purchase tickets; the newest one of a sale signs. No key exists before the sale opens
CREATE TABLE catalog.ticket_key (
  -- Sale whose tickets the key signs
  sale text COLLATE "C" NOT NULL,
  -- The secret key: 32 random bytes
  key bytea NOT NULL,
  -- When the key was created, for a web node that asked for the keys or by an operator
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Number of the key within the sale, from 1. The next key replaces it; key 1 also signs receipts
  id integer DEFAULT 1 NOT NULL,
  -- Tickets that the key signed are refused from this time on; NULL: it was not revoked
  revoked_at timestamp with time zone,
  CONSTRAINT ticket_key_pkey PRIMARY KEY (sale, id),
  CONSTRAINT ticket_key_id_check CHECK ((id >= 1)),
  CONSTRAINT ticket_key_key_check CHECK ((length(key) = 32)),
  CONSTRAINT ticket_key_sale_fkey FOREIGN KEY (sale) REFERENCES catalog.sale(sale)
);

-- Settings that a DBA changes with catalog.set_tunable(). The next call of a routine uses the new value
CREATE TABLE catalog.tunable (
  -- Name of the tunable; it ends with the unit, if the value has one
  name text COLLATE "C" NOT NULL,
  -- Value that the next call uses
  value bigint NOT NULL,
  -- Lowest value allowed
  "least" bigint NOT NULL,
  -- Highest value allowed
  most bigint NOT NULL,
  -- Effect of the tunable
  meaning text NOT NULL,
  CONSTRAINT tunable_pkey PRIMARY KEY (name),
  CONSTRAINT tunable_check CHECK (((value >= "least") AND (value <= most)))
);

CREATE TRIGGER refresh_sku_terms AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON catalog.tunable FOR EACH STATEMENT EXECUTE FUNCTION catalog.refresh_sku_terms();

-- URLs to which merchants have order events delivered
CREATE TABLE catalog.webhook_endpoint (
  -- Id of the endpoint
  endpoint text COLLATE "C" NOT NULL,
  -- URL that receives the events by POST
  url text NOT NULL,
  -- Kinds of events that the endpoint receives
  kinds text[] NOT NULL,
  -- Signs deliveries (Standard Webhooks). Only webhook_targets() returns it
  secret text NOT NULL,
  -- Secret before the last rotation. It also signs deliveries until old_secret_until; NULL: there was no rotation
  old_secret text,
  -- When old_secret stops signing; NULL: there was no rotation
  old_secret_until timestamp with time zone,
  -- active or disabled. A disabled endpoint receives nothing; once enabled, it receives what it has missed
  state text DEFAULT 'active'::text NOT NULL,
  -- gone (it answered 410), failing (deliveries failed for too long) or operator; NULL while it is active
  disabled_reason text,
  -- Failed attempts since the last success, or since an operator changed the state
  failures integer DEFAULT 0 NOT NULL,
  -- When the first of these failures was recorded; NULL if there are none
  failing_since timestamp with time zone,
  -- Error of the last failed attempt; NULL if none has failed
  last_error text,
  -- When the endpoint was added. Events published before are delivered only in a replay
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

-- Secrets before old_secret of their endpoint that still sign its deliveries. Only webhook_targets() returns them
CREATE TABLE catalog.webhook_older_secret (
  -- Id of the endpoint
  endpoint text COLLATE "C" NOT NULL,
  -- The secret
  secret text COLLATE "C" NOT NULL,
  -- When it stops signing
  signs_until timestamp with time zone NOT NULL,
  CONSTRAINT webhook_older_secret_pkey PRIMARY KEY (endpoint, secret),
  CONSTRAINT webhook_older_secret_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES catalog.webhook_endpoint(endpoint) ON DELETE CASCADE
);

GRANT USAGE ON SCHEMA catalog TO flashsale_console;

GRANT USAGE ON SCHEMA catalog TO flashsale_ops;

GRANT USAGE ON SCHEMA catalog TO flashsale_readonly;

GRANT USAGE ON SCHEMA catalog TO flashsale_web;

GRANT USAGE ON SCHEMA catalog TO flashsale_worker;

CREATE SEQUENCE regular.order_no AS bigint START 1000000001 INCREMENT 1000;

CREATE SEQUENCE hot.order_no AS bigint START 1000000002 INCREMENT 1000;

CREATE SEQUENCE :schema.dead_letter_no AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE :schema.event_no AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE :schema.log_no AS bigint START 1 INCREMENT 1;

CREATE SEQUENCE :schema.movement_no AS bigint START 1 INCREMENT 1;

-- Result of the last audit of this schema, and when the next one is due; one row
CREATE TABLE :schema.audit_run (
  -- Always true: the table has one row
  one boolean DEFAULT true NOT NULL,
  -- When the next audit is due. While one runs: when another worker may take it
  next_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- Rows that the last audit returned, one for each broken promise; NULL before the first
  broken integer,
  -- Duration of the last audit in milliseconds
  took_ms integer,
  -- When the last audit ended
  ended_at timestamp with time zone,
  CONSTRAINT audit_run_pkey PRIMARY KEY (one),
  CONSTRAINT audit_run_one_check CHECK (one)
) WITH (fillfactor=50);

-- Units and claims of each user for each SKU: for the user limit and the waitlist
CREATE TABLE :schema.buyer (
  -- Sale of the SKU; partition key
  sale text COLLATE "C" NOT NULL,
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- The user
  user_id text COLLATE "C" NOT NULL,
  -- Units in the user's unpaid and paid orders of both schemas. The row in the schema where the SKU lives has the current number
  units integer NOT NULL,
  -- How often the waitlist has served the user. Users with fewer claims are served first
  claims integer DEFAULT 0 NOT NULL,
  -- For daily goods: the last day of which the user has a unit
  last_day date,
  -- For daily goods: the days in a row, up to last_day, of which the user has units
  streak integer,
  CONSTRAINT buyer_pkey PRIMARY KEY (user_id, sku, sale),
  CONSTRAINT buyer_claims_check CHECK ((claims >= 0)) NOT VALID,
  CONSTRAINT buyer_streak_check CHECK ((((last_day IS NULL) = (streak IS NULL)) AND (streak > 0))) NOT VALID,
  CONSTRAINT buyer_units_check CHECK ((units >= 0))
) PARTITION BY LIST (sale);

-- Payment session of each order at the payment provider; an order has one at a time
CREATE TABLE :schema.checkout (
  -- The order
  order_no bigint NOT NULL,
  -- Sale of the order; partition key
  sale text COLLATE "C" NOT NULL,
  -- Name of the provider, followed by its reference of the session
  session_ref text COLLATE "C" NOT NULL,
  -- URL where the shopper pays. Nobody is told it before this row is committed
  url text NOT NULL,
  -- When the provider ends the session by itself
  ends_at timestamp with time zone NOT NULL,
  -- Number of sessions that the order has had, this one included
  attempt integer DEFAULT 1 NOT NULL,
  -- open; ending: the order is no longer unpaid, and a worker ends the session; paying: the shopper completed the session, and the provider has not reported the result of the payment; ended
  state text DEFAULT 'open'::text NOT NULL,
  -- How often a worker has asked the provider to end this session
  tries integer DEFAULT 0 NOT NULL,
  -- No worker tries before this time. Each try sets a later time
  next_try_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Why the session could not be ended; NULL if no error is known
  last_error text,
  -- When this row last changed
  changed_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT checkout_pkey PRIMARY KEY (order_no, sale),
  CONSTRAINT checkout_state_check CHECK ((state = ANY (ARRAY['open'::text, 'ending'::text, 'paying'::text, 'ended'::text])))
) PARTITION BY LIST (sale);

CREATE INDEX checkout_ending ON ONLY :schema.checkout USING btree (next_try_at) WHERE (state = 'ending'::text);

CREATE INDEX checkout_failing ON ONLY :schema.checkout USING btree (order_no) WHERE ((state = 'ending'::text) AND (last_error IS NOT NULL));

-- Dead letters that operators replayed or refused; the row is written before the letter leaves its queue
CREATE TABLE :schema.dead_letter (
  -- Number of the row: ascending, with gaps
  dead_letter_no bigint DEFAULT nextval(':schema.dead_letter_no'::regclass) NOT NULL,
  -- Id of the letter in flashsale dead-letters: a hash of its content
  letter text NOT NULL,
  -- replayed (sent to a queue of orders again) or refused
  action text NOT NULL,
  -- Queue that the message was in before it became a dead letter
  queue text NOT NULL,
  -- Why no worker could decide the message, such as failed or undecodable
  cause text NOT NULL,
  -- Error of the worker, with its SQLSTATE if it has one; NULL if none is known
  error text,
  -- SKU of the message; NULL if it could not be read
  sku text COLLATE "C",
  -- Ids of its requests, as far as they could be read
  request_ids uuid[] NOT NULL,
  -- Reason that the shoppers were told; NULL if the letter was replayed
  reason text,
  -- Headers of the message
  headers jsonb NOT NULL,
  -- First bytes of the content of the message
  content bytea NOT NULL,
  -- Length of the whole content in bytes
  bytes integer NOT NULL,
  -- When the operator handled it
  handled_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Operator, as user@host of the command
  handled_by text NOT NULL,
  CONSTRAINT dead_letter_pkey PRIMARY KEY (dead_letter_no),
  CONSTRAINT dead_letter_action_check CHECK ((action = ANY (ARRAY['replayed'::text, 'refused'::text])))
);

-- Published order events, in the order of the log. A row has orders of one SKU from one transaction
CREATE TABLE :schema.event (
  -- Position in the log: ascending, with gaps. Positions become visible in this order, so a reader misses none
  log_no bigint DEFAULT nextval(':schema.log_no'::regclass) NOT NULL,
  -- Sale of the orders; partition key
  sale text COLLATE "C" NOT NULL,
  -- Number that the event had in the outbox; part of the event ids
  event_no bigint NOT NULL,
  -- What happened: placed, paid, cancelled, expired, refund_due or refunded
  kind text NOT NULL,
  -- SKU of the orders
  sku text COLLATE "C" NOT NULL,
  -- Orders to which it happened
  order_nos bigint[] NOT NULL,
  -- When it happened
  happened_at timestamp with time zone NOT NULL,
  -- When the event was moved to the log, after the broker had confirmed it
  logged_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Reference of the payment, for refund_due and refunded; NULL for other kinds
  payment_ref text COLLATE "C",
  CONSTRAINT event_pkey PRIMARY KEY (log_no, sale),
  CONSTRAINT event_kind_check CHECK ((kind = ANY (ARRAY['placed'::text, 'paid'::text, 'cancelled'::text, 'expired'::text, 'refund_due'::text, 'refunded'::text]))) NOT VALID
) PARTITION BY LIST (sale);

-- Fenced web nodes: requests that they admitted can no longer become orders
CREATE TABLE :schema.fenced_node (
  -- Name of the web node, which is never used again
  node text COLLATE "C" NOT NULL,
  -- When the node was fenced
  fenced_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT fenced_node_pkey PRIMARY KEY (node)
);

-- Orders. Ordered (unpaid) and paid ones hold their units; cancelled and expired ones do not
CREATE TABLE :schema.orders (
  -- Number of the order; home_of_order tells the home from it
  order_no bigint NOT NULL,
  -- Sale of the SKU; partition key
  sale text COLLATE "C" NOT NULL,
  -- SKU that was ordered
  sku text COLLATE "C" NOT NULL,
  -- Request that became this order
  request_id uuid NOT NULL,
  -- User who ordered
  user_id text COLLATE "C" NOT NULL,
  -- Units of the order. It holds them while it is ordered or paid
  units integer NOT NULL,
  -- Units times the price when it was placed
  amount numeric NOT NULL,
  -- Code of ISO 4217
  currency text NOT NULL,
  -- ordered (unpaid), paid, cancelled or expired
  status text DEFAULT 'ordered'::text NOT NULL,
  -- When it was placed
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  -- If the order is unpaid after this time, expire_orders expires it
  pay_before timestamp with time zone NOT NULL,
  -- When its status last changed
  changed_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Why the shop cancelled it: by_shop, or called_off with its sale; NULL: the shop did not cancel it
  reason text COLLATE "C",
  -- Whether the order was paid when the shop cancelled it
  was_paid boolean DEFAULT false NOT NULL,
  -- For daily goods: the day of which this is the user's unit
  day date,
  -- For daily goods: the days in a row up to this one
  streak integer,
  CONSTRAINT orders_pkey PRIMARY KEY (order_no, sale),
  CONSTRAINT orders_day_check CHECK ((((day IS NULL) = (streak IS NULL)) AND (streak > 0) AND ((day IS NULL) OR (units = 1)))) NOT VALID,
  CONSTRAINT orders_reason_check CHECK (
CASE status
    WHEN 'cancelled'::text THEN (reason = ANY (ARRAY['by_shop'::text, 'called_off'::text]))
    ELSE ((reason IS NULL) AND (NOT was_paid))
END) NOT VALID,
  CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['ordered'::text, 'paid'::text, 'cancelled'::text, 'expired'::text]))),
  CONSTRAINT orders_units_check CHECK ((units > 0))
) PARTITION BY LIST (sale);

CREATE INDEX orders_unpaid ON ONLY :schema.orders USING btree (sku, pay_before) WHERE (status = 'ordered'::text);

CREATE INDEX orders_user ON ONLY :schema.orders USING hash (user_id);

CREATE TRIGGER end_checkouts AFTER UPDATE ON :schema.orders REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION :schema.end_checkouts();

-- Order events that are not published yet. A row has orders of one SKU from one transaction
CREATE TABLE :schema.outbox (
  -- Number of the event: ascending, with gaps
  event_no bigint DEFAULT nextval(':schema.event_no'::regclass) NOT NULL,
  -- What happened: placed, paid, cancelled, expired, refund_due or refunded
  kind text NOT NULL,
  -- Sale of the orders
  sale text COLLATE "C" NOT NULL,
  -- SKU of the orders
  sku text COLLATE "C" NOT NULL,
  -- Orders to which it happened
  order_nos bigint[] NOT NULL,
  -- When it happened
  happened_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Reference of the payment, for refund_due and refunded; NULL for other kinds
  payment_ref text COLLATE "C",
  CONSTRAINT outbox_pkey PRIMARY KEY (event_no),
  CONSTRAINT outbox_kind_check CHECK ((kind = ANY (ARRAY['placed'::text, 'paid'::text, 'cancelled'::text, 'expired'::text, 'refund_due'::text, 'refunded'::text]))) NOT VALID
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);

-- The worker that publishes the events of the outbox, for the time of a lease; one row
CREATE TABLE :schema.outbox_relay (
  -- Always true: the table has one row
  one boolean DEFAULT true NOT NULL,
  -- Name that the worker chose for itself; empty before the first one
  relay text DEFAULT ''::text NOT NULL,
  -- Another worker may take over after this time
  leased_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- Outbox and log together have every event of the orders that were placed since this time; -infinity: of all orders
  log_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  -- No event up to this number is in the outbox or can come into it. 0 after another worker has taken over: it looks at all of them once
  gone_until bigint DEFAULT 0 NOT NULL,
  -- The last event number when the lease was last prolonged; NULL: not known
  seen_no bigint,
  -- The transaction that noted seen_no. When it and all earlier ones have ended, no event up to seen_no comes any more
  seen_xid xid8,
  CONSTRAINT outbox_relay_pkey PRIMARY KEY (one),
  CONSTRAINT outbox_relay_one_check CHECK (one)
) WITH (fillfactor=50);

-- The one final outcome of each request id; never updated
CREATE TABLE :schema.outcome (
  -- Id of the request: its Idempotency-Key, or the id of its ticket. serve_waitlist makes an id for each order of the waitlist
  request_id uuid NOT NULL,
  -- Sale of the SKU; partition key
  sale text COLLATE "C" NOT NULL,
  -- SKU that was requested
  sku text COLLATE "C" NOT NULL,
  -- User who sent the request
  user_id text COLLATE "C" NOT NULL,
  -- Web node that admitted the request; 'waiting' for an order of the waitlist; empty for a request that was refused before its SKU existed
  node text COLLATE "C" NOT NULL,
  -- ordered, sold_out, limit_reached, closed or rejected
  status text NOT NULL,
  -- Why it has this status; NULL if the status says enough
  reason text,
  -- The order; NULL unless the status is ordered
  order_no bigint,
  -- Units of the order; 0 unless the status is ordered
  units integer NOT NULL,
  -- When the request was decided
  decided_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT outcome_pkey PRIMARY KEY (request_id, sale),
  CONSTRAINT outcome_check CHECK (((status = 'ordered'::text) = (order_no IS NOT NULL))),
  CONSTRAINT outcome_check1 CHECK (((status = 'ordered'::text) = (units > 0))),
  CONSTRAINT outcome_status_check CHECK ((status = ANY (ARRAY['ordered'::text, 'sold_out'::text, 'limit_reached'::text, 'closed'::text, 'rejected'::text]))),
  CONSTRAINT outcome_units_check CHECK ((units >= 0))
) PARTITION BY LIST (sale);

-- Payments that the payment provider has reported
CREATE TABLE :schema.payment (
  -- The provider's reference of the payment
  payment_ref text COLLATE "C" NOT NULL,
  -- Sale of the order; partition key
  sale text COLLATE "C" NOT NULL,
  -- Order that the payment was made for
  order_no bigint NOT NULL,
  -- paid: the payment paid the order; refund_due: the order cannot be paid with it, and the money goes back
  result text NOT NULL,
  -- When the payment was booked
  received_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Amount of the payment; NULL: the amount of the order
  amount numeric,
  -- Currency of the payment, by ISO 4217; NULL: the currency of the order
  currency text,
  -- When the shop cancelled the order that this payment had paid; NULL: no such thing happened
  due_at timestamp with time zone,
  CONSTRAINT payment_pkey PRIMARY KEY (payment_ref, sale),
  CONSTRAINT payment_result_check CHECK ((result = ANY (ARRAY['paid'::text, 'refund_due'::text])))
) PARTITION BY LIST (sale);

CREATE INDEX payment_order ON ONLY :schema.payment USING btree (order_no);

CREATE INDEX payment_to_refund ON ONLY :schema.payment USING btree (received_at) WHERE (result = 'refund_due'::text);

CREATE TRIGGER queue_refund AFTER INSERT ON :schema.payment FOR EACH ROW WHEN ((new.result = 'refund_due'::text)) EXECUTE FUNCTION :schema.queue_refund();

CREATE TRIGGER queue_refunds AFTER UPDATE ON :schema.payment REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION :schema.queue_refund();

-- Figures of each call of place_orders. Workers delete them after the tunable call_figures_keep_s; a crash of the server empties the table
CREATE UNLOGGED TABLE :schema.place_call (
  -- Start of the transaction
  called_at timestamp with time zone NOT NULL,
  -- The SKU of the call
  sku text COLLATE "C" NOT NULL,
  -- Routine that decided: place_orders or place_orders_canary
  routine text NOT NULL,
  -- Requests in the batch
  requests integer NOT NULL,
  -- Requests that became orders
  ordered integer NOT NULL,
  -- Requests that were answered locked. The caller calls again for them
  locked integer NOT NULL,
  -- Units sold
  units bigint NOT NULL,
  -- Slots that the call locked
  slots integer NOT NULL,
  -- Whether the call had p_wait: it then waits for locked slots instead of answering locked
  waited boolean NOT NULL,
  -- Whether the first slot that the call locked had less than 7/8 of the units of the fullest slot. Always false for a plain batch of one request
  passed_over boolean NOT NULL,
  -- Looks that found no unlocked slot although units were free
  false_empty integer NOT NULL,
  -- Looks for a slot after the first look, each after a pause
  retries integer NOT NULL,
  -- Microseconds from the first slot lock to the end of the routine, without COMMIT; 0 if no slot was locked
  lock_us integer NOT NULL,
  -- Microseconds from the start of the transaction to the end of the routine
  total_us integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor=0.2, autovacuum_vacuum_insert_scale_factor=10);

-- Refunds of payments whose result is refund_due. A trigger of payment inserts the row
CREATE TABLE :schema.refund (
  -- The provider's reference of the payment that goes back
  payment_ref text COLLATE "C" NOT NULL,
  -- Sale of the order; partition key
  sale text COLLATE "C" NOT NULL,
  -- Order that the payment was made for
  order_no bigint NOT NULL,
  -- due: the money has to go back; done: it went back
  state text DEFAULT 'due'::text NOT NULL,
  -- How often a worker has asked the provider for the refund
  tries integer DEFAULT 0 NOT NULL,
  -- No worker asks before this time. Each try sets a later time
  next_try_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The provider's reference of the refund; NULL while the state is due
  refund_ref text,
  -- Why there is no refund yet, or why the last refund failed; NULL if no error is known
  last_error text,
  -- When this row last changed
  changed_at timestamp with time zone DEFAULT now() NOT NULL,
  -- The provider's references of refunds that failed, oldest first
  failed_refs text[] DEFAULT '{}'::text[] NOT NULL,
  CONSTRAINT refund_pkey PRIMARY KEY (payment_ref, sale),
  CONSTRAINT refund_check CHECK (((state = 'done'::text) = (refund_ref IS NOT NULL))),
  CONSTRAINT refund_state_check CHECK ((state = ANY (ARRAY['due'::text, 'done'::text])))
) PARTITION BY LIST (sale);

CREATE INDEX refund_due ON ONLY :schema.refund USING btree (split_part(payment_ref, ':'::text, 1), next_try_at) WHERE (state = 'due'::text);

CREATE INDEX refund_failing ON ONLY :schema.refund USING btree (order_no) WHERE ((state = 'due'::text) AND (last_error IS NOT NULL));

-- Refused requests whose SKU does not exist. They become outcomes when the SKU is created
CREATE TABLE :schema.refused_request (
  -- Id of the request: its Idempotency-Key, or the id of its ticket
  request_id uuid NOT NULL,
  -- SKU that was requested, or the text in its place
  sku text COLLATE "C" NOT NULL,
  -- User who sent the request
  user_id text COLLATE "C" NOT NULL,
  -- Reason that the shopper is told
  reason text NOT NULL,
  -- When the request was refused
  refused_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT refused_request_pkey PRIMARY KEY (request_id)
);

-- The requests that have an outcome in a sale with has_request_index. Workers remove them when the sale no longer counts
CREATE TABLE :schema.request_index (
  -- A request_id of outcome
  request_id uuid NOT NULL,
  -- The sale of that outcome
  sale text COLLATE "C" NOT NULL,
  CONSTRAINT request_index_pkey PRIMARY KEY (request_id, sale)
);

CREATE INDEX request_index_sale ON :schema.request_index USING btree (sale);

-- Append-only record of every change of a slot
CREATE TABLE :schema.stock_movement (
  -- Number of the movement: ascending, with gaps
  movement_no bigint DEFAULT nextval(':schema.movement_no'::regclass) NOT NULL,
  -- Sale of the SKU; partition key
  sale text COLLATE "C" NOT NULL,
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- Slot that changed. Units that come in and are sold at once touch no slot: their rows have slot 1
  slot integer NOT NULL,
  -- load (first stock), restock, sale, return (an order gave up units), split and merge (between slots), or move (between schemas)
  kind text NOT NULL,
  -- Units that were added to the slot; negative if they were taken
  units integer NOT NULL,
  -- When the slot changed
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
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- Number of the slot within the SKU, from 1 on; renew_slots makes all slots anew, 1024 numbers higher
  slot integer NOT NULL,
  -- Free units in the slot
  remaining integer NOT NULL,
  CONSTRAINT stock_slot_pkey PRIMARY KEY (sku, slot),
  CONSTRAINT stock_slot_remaining_check CHECK ((remaining >= 0)),
  CONSTRAINT stock_slot_slot_check CHECK ((slot >= 1))
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=500, autovacuum_vacuum_cost_delay=0);

-- Transfers from this server to the server where this schema lives. Workers bring them there
CREATE TABLE :schema.transfer (
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- Number of the transfer for this SKU, from 1 without gaps. The other server applies each transfer once, in this order
  transfer_no bigint NOT NULL,
  -- Sale of the SKU
  sale text COLLATE "C" NOT NULL,
  -- home: the SKU itself, with its free units; buyers: users who gave up units; units: units that came back; payment: the answer to a late payment, with units or without
  kind text NOT NULL,
  -- Units that the transfer brings, or 0
  units bigint NOT NULL,
  -- Units of this transfer and all earlier ones of the SKU
  units_total bigint NOT NULL,
  -- Further content of the transfer, by kind
  body jsonb NOT NULL,
  -- When the transfer was written
  sent_at timestamp with time zone DEFAULT now() NOT NULL,
  -- When this server learned that the transfer was applied; NULL before. transfers_applied deletes the row seven days later
  done_at timestamp with time zone,
  -- The hot home that it goes to or comes from
  hot_home text COLLATE "C" DEFAULT 'hot'::text NOT NULL,
  CONSTRAINT transfer_pkey PRIMARY KEY (sku, transfer_no),
  CONSTRAINT transfer_kind_check CHECK ((kind = ANY (ARRAY['home'::text, 'buyers'::text, 'units'::text, 'payment'::text]))),
  CONSTRAINT transfer_transfer_no_check CHECK ((transfer_no >= 1)),
  CONSTRAINT transfer_units_check CHECK ((units >= 0)),
  CONSTRAINT transfer_way UNIQUE (sku, hot_home, transfer_no)
);

CREATE INDEX transfer_waiting ON :schema.transfer USING btree (sku, transfer_no) WHERE (done_at IS NULL);

-- Progress of the transfers of each SKU to this schema. The server that sends uses sent and units_sent; the server where the schema lives uses the other columns
CREATE TABLE :schema.transfer_mark (
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- Number of the last transfer that was written; 0: none
  sent bigint DEFAULT 0 NOT NULL,
  -- Units of all transfers that were written
  units_sent bigint DEFAULT 0 NOT NULL,
  -- Number of the last transfer that was applied; 0: none
  applied bigint DEFAULT 0 NOT NULL,
  -- Units of all transfers that were applied
  units_applied bigint DEFAULT 0 NOT NULL,
  -- Transaction id of the other server. Buyers and outcomes that earlier transactions wrote there are copied; NULL: no round of copying is complete
  copied xid8,
  -- Number of the transfer of kind home for which the copy is complete, so that it can be applied; 0: none
  copied_home bigint DEFAULT 0 NOT NULL,
  -- Id of the copier. Rows from other copiers are refused; NULL: nobody copies
  copier uuid,
  -- When the copier last wrote. Another may take over three seconds later
  copied_at timestamp with time zone,
  -- Unpaid orders of the other server may give units back until this time; NULL: there were none
  unpaid_until timestamp with time zone,
  -- The hot home that the transfers go to or come from
  hot_home text COLLATE "C" DEFAULT 'hot'::text NOT NULL,
  CONSTRAINT transfer_mark_pkey PRIMARY KEY (sku),
  CONSTRAINT transfer_mark_way UNIQUE (sku, hot_home)
);

-- Units that are not all alike: packets of a pot, or numbered units. The slots count those that are free
CREATE TABLE :schema.unit (
  -- Key of the partition
  sale text COLLATE "C" NOT NULL,
  -- The SKU
  sku text COLLATE "C" NOT NULL,
  -- Its number in the SKU, from 1. Units are taken in this order. Seats side by side have numbers that follow each other
  "position" integer NOT NULL,
  -- What the packet is worth, in the currency of the SKU; secret until it is taken or the sale is over. NULL for numbered units
  amount numeric,
  -- The order that has it; NULL while it is free. A packet stays taken when its order is cancelled, a numbered unit does not
  order_no bigint,
  -- The row of the seat; NULL for units that are in no row
  line text COLLATE "C",
  -- The seat in its row, or the serial number; NULL for packets
  seat text COLLATE "C",
  CONSTRAINT unit_pkey PRIMARY KEY (sku, "position", sale),
  CONSTRAINT unit_amount_check CHECK ((amount > (0)::numeric)),
  CONSTRAINT unit_kind_check CHECK ((((amount IS NULL) = (seat IS NOT NULL)) AND ((line IS NULL) OR (seat IS NOT NULL)))),
  CONSTRAINT unit_position_check CHECK (("position" >= 1))
) PARTITION BY LIST (sale);

CREATE INDEX unit_free ON ONLY :schema.unit USING btree (sku, "position") WHERE (order_no IS NULL);

CREATE INDEX unit_order ON ONLY :schema.unit USING btree (order_no) WHERE ((amount IS NULL) AND (order_no IS NOT NULL));

CREATE UNIQUE INDEX unit_packet ON ONLY :schema.unit USING btree (order_no, sale) WHERE ((amount IS NOT NULL) AND (order_no IS NOT NULL));

-- Waitlist of each SKU for units that come back; one row for each time a user joined it
CREATE TABLE :schema.waiting (
  -- Id of the place in the waitlist
  entry uuid DEFAULT gen_random_uuid() NOT NULL,
  -- Sale of the SKU; partition key
  sale text COLLATE "C" NOT NULL,
  -- SKU that the user waits for
  sku text COLLATE "C" NOT NULL,
  -- The user
  user_id text COLLATE "C" NOT NULL,
  -- Largest number of units that the user wants
  units integer NOT NULL,
  -- buyer.claims when the user joined. Users with fewer claims are served first
  claims integer NOT NULL,
  -- Rank of the user in the lottery of the sale. Among users with the same number of claims, the lowest rank is served first
  rank double precision NOT NULL,
  -- waiting; served: an order was made; limit_reached: the user already holds the user limit
  state text DEFAULT 'waiting'::text NOT NULL,
  -- When the user joined
  asked_at timestamp with time zone NOT NULL,
  -- When a unit last went to a later place because another call had locked rows of this user; NULL: never
  passed_over_at timestamp with time zone,
  -- When the state became served or limit_reached; NULL while it is waiting
  ended_at timestamp with time zone,
  -- Order that was made for the user; NULL unless the state is served
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

-- How far the log of this schema was read for each webhook endpoint
CREATE TABLE :schema.webhook_cursor (
  -- Id of the endpoint
  endpoint text COLLATE "C" NOT NULL,
  -- Last position that was read. Wanted events up to it are delivered, or in webhook_delivery
  log_no bigint NOT NULL,
  CONSTRAINT webhook_cursor_pkey PRIMARY KEY (endpoint)
) WITH (fillfactor=50);

-- Deliveries of events to webhook endpoints. A successful delivery deletes its row
CREATE TABLE :schema.webhook_delivery (
  -- Id of the endpoint
  endpoint text COLLATE "C" NOT NULL,
  -- The order
  order_no bigint NOT NULL,
  -- Position of the event in the log
  log_no bigint NOT NULL,
  -- Sale of the order: the partition key of event and orders
  sale text COLLATE "C" NOT NULL,
  -- When the event happened
  happened_at timestamp with time zone NOT NULL,
  -- Attempts that were begun; a replay starts again at 0
  attempts integer DEFAULT 0 NOT NULL,
  -- When the next attempt is due. During an attempt: when another worker may take it
  next_at timestamp with time zone DEFAULT now() NOT NULL,
  -- Error of the last failed attempt; NULL if none has failed
  last_error text,
  -- When the delivery was given up; NULL while attempts go on. Only a replay starts it again
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
--  held bigint
--  claim_window interval
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

-- Money that has to go back, and whether it was given back
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
--  due_at timestamp with time zone
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

GRANT SELECT ON :schema.line_backlog TO flashsale_console;

GRANT SELECT ON :schema.line_backlog TO flashsale_ops;

GRANT SELECT ON :schema.line_backlog TO flashsale_readonly;

GRANT SELECT ON :schema.place_rates TO flashsale_ops;

GRANT SELECT ON :schema.place_rates TO flashsale_readonly;

GRANT SELECT ON :schema.refunds TO flashsale_ops;

GRANT SELECT ON :schema.refunds TO flashsale_readonly;

GRANT USAGE ON SCHEMA :schema TO flashsale_console;

GRANT USAGE ON SCHEMA :schema TO flashsale_ops;

GRANT USAGE ON SCHEMA :schema TO flashsale_readonly;

GRANT USAGE ON SCHEMA :schema TO flashsale_web;

GRANT USAGE ON SCHEMA :schema TO flashsale_worker;

GRANT SELECT ON :schema.slot_fill TO flashsale_console;

GRANT SELECT ON :schema.slot_fill TO flashsale_ops;

GRANT SELECT ON :schema.slot_fill TO flashsale_readonly;

GRANT SELECT ON :schema.slot_fragmentation TO flashsale_ops;

GRANT SELECT ON :schema.slot_fragmentation TO flashsale_readonly;

GRANT SELECT ON :schema.table_health TO flashsale_ops;

GRANT SELECT ON :schema.table_health TO flashsale_readonly;

GRANT SELECT ON :schema.unpaid_backlog TO flashsale_console;

GRANT SELECT ON :schema.unpaid_backlog TO flashsale_ops;

GRANT SELECT ON :schema.unpaid_backlog TO flashsale_readonly;
