-- Shoppers are told off the page (docs/decisions/0055-notices.md). Addresses are personal data: they stand in
-- one table, on the server of regular, and go when their sale is over.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.notice_contact (
  contact      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  sale         text COLLATE "C" NOT NULL REFERENCES catalog.sale,
  user_id      text COLLATE "C" NOT NULL,
  channel      text COLLATE "C" NOT NULL CHECK (channel IN ('email', 'push')),
  address      text NOT NULL CHECK (length(address) BETWEEN 3 AND 2000),
  push_key     text CHECK (length(push_key) <= 100),
  push_auth    text CHECK (length(push_auth) <= 50),
  language     text COLLATE "C" NOT NULL CHECK (language ~ '^[A-Za-z][A-Za-z0-9-]{1,34}$'),
  created_at   timestamptz NOT NULL DEFAULT now(),
  confirmed_at timestamptz,
  CHECK ((channel = 'push') = (push_key IS NOT NULL)),
  CHECK ((channel = 'push') = (push_auth IS NOT NULL)),
  CHECK (channel = 'email' OR confirmed_at IS NOT NULL)
);
CREATE UNIQUE INDEX notice_contact_once ON catalog.notice_contact (sale, user_id, channel, address);
CREATE INDEX notice_contact_user ON catalog.notice_contact (user_id);
CREATE INDEX notice_contact_unconfirmed ON catalog.notice_contact (created_at) WHERE confirmed_at IS NULL;
COMMENT ON TABLE catalog.notice_contact IS
  'Where shoppers want to be told of their orders of a sale: personal data';
COMMENT ON COLUMN catalog.notice_contact.contact IS 'Its id, which signed links name';
COMMENT ON COLUMN catalog.notice_contact.sale IS 'The sale whose orders it is for';
COMMENT ON COLUMN catalog.notice_contact.user_id IS 'The shopper';
COMMENT ON COLUMN catalog.notice_contact.channel IS 'email or push';
COMMENT ON COLUMN catalog.notice_contact.address IS 'The e-mail address, or the URL of the push subscription';
COMMENT ON COLUMN catalog.notice_contact.push_key IS 'p256dh key of the push subscription';
COMMENT ON COLUMN catalog.notice_contact.push_auth IS 'auth secret of the push subscription';
COMMENT ON COLUMN catalog.notice_contact.language IS 'Language of the texts, a BCP 47 tag';
COMMENT ON COLUMN catalog.notice_contact.created_at IS 'Events from before this time are not told';
COMMENT ON COLUMN catalog.notice_contact.confirmed_at IS
  'When the owner of the address agreed. Until then only the question itself is sent';

CREATE TABLE catalog.notice (
  notice_no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contact     uuid NOT NULL REFERENCES catalog.notice_contact ON DELETE CASCADE,
  order_no    bigint NOT NULL,
  kind        text COLLATE "C" NOT NULL CHECK (kind IN (
                'confirm', 'ordered', 'claimed', 'expiring', 'refund_due', 'refunded', 'called_off')),
  event_no    bigint NOT NULL DEFAULT 0,
  channel     text COLLATE "C" NOT NULL CHECK (channel IN ('email', 'push')),
  state       text COLLATE "C" NOT NULL CHECK (state IN ('held', 'due', 'sent', 'dropped', 'given_up')),
  facts       jsonb NOT NULL DEFAULT '{}',
  happened_at timestamptz NOT NULL,
  due_at      timestamptz NOT NULL,
  next_at     timestamptz NOT NULL,
  until_at    timestamptz NOT NULL,
  copy        int NOT NULL DEFAULT 0,
  attempts    int NOT NULL DEFAULT 0,
  last_error  text CHECK (length(last_error) <= 200),
  sent_at     timestamptz,
  UNIQUE (contact, order_no, kind, event_no),
  CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
  CHECK ((kind = 'confirm') = (order_no = 0))
) WITH (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
COMMENT ON SEQUENCE catalog.notice_notice_no_seq IS 'Numbers of notices';
CREATE INDEX notice_order ON catalog.notice (order_no);
CREATE INDEX notice_due ON catalog.notice (channel, next_at) WHERE state = 'due';
CREATE INDEX notice_lag ON catalog.notice (channel, due_at) WHERE state = 'due';
COMMENT ON TABLE catalog.notice IS
  'Notices to contacts: one row for each order, kind and contact, so that nothing is told twice';
COMMENT ON COLUMN catalog.notice.notice_no IS 'Its number';
COMMENT ON COLUMN catalog.notice.contact IS 'The contact that is told. The notice goes when the contact goes';
COMMENT ON COLUMN catalog.notice.order_no IS 'The order; 0 for confirm';
COMMENT ON COLUMN catalog.notice.kind IS
  'confirm (asks the owner of an address), ordered, claimed (from the waitlist), expiring, refund_due, refunded or called_off';
COMMENT ON COLUMN catalog.notice.event_no IS
  'Number of the event, for kinds that an order may have several times (refunds); otherwise 0';
COMMENT ON COLUMN catalog.notice.channel IS 'Channel of the contact';
COMMENT ON COLUMN catalog.notice.state IS
  'held (the contact is not confirmed), due, sent, dropped (not true any more) or given_up';
COMMENT ON COLUMN catalog.notice.facts IS 'Facts of the order for the text; no personal data';
COMMENT ON COLUMN catalog.notice.happened_at IS 'When the event happened';
COMMENT ON COLUMN catalog.notice.due_at IS 'When it was to be sent first';
COMMENT ON COLUMN catalog.notice.copy IS
  'How often somebody had it sent again: each copy is a message of its own';
COMMENT ON COLUMN catalog.notice.next_at IS
  'The next attempt; during an attempt, the time from which another worker may make it';
COMMENT ON COLUMN catalog.notice.until_at IS 'Later than this it is not worth sending';
COMMENT ON COLUMN catalog.notice.attempts IS 'Attempts that were started';
COMMENT ON COLUMN catalog.notice.last_error IS 'Why the last attempt failed; never an address';
COMMENT ON COLUMN catalog.notice.sent_at IS 'When the mail server or push service accepted it';

CREATE TABLE catalog.notice_position (
  schema text COLLATE "C" PRIMARY KEY CHECK (schema IN ('regular', 'hot')),
  log_no bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO catalog.notice_position (schema) VALUES ('regular'), ('hot');
COMMENT ON TABLE catalog.notice_position IS
  'How far notices have been derived from the event log of each schema';
COMMENT ON COLUMN catalog.notice_position.schema IS 'Whose log';
COMMENT ON COLUMN catalog.notice_position.log_no IS 'Events up to this number are derived';

CREATE TABLE catalog.notice_question (
  asked   bytea PRIMARY KEY,
  since   timestamptz NOT NULL DEFAULT now(),
  mails   int NOT NULL DEFAULT 1 CHECK (mails > 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE catalog.notice_question IS
  'How many confirmations were asked of an address, and by a user, within a day. Rows go after that day';
COMMENT ON COLUMN catalog.notice_question.asked IS 'SHA-256 of the address or of the user';
COMMENT ON COLUMN catalog.notice_question.since IS 'Start of the day that is counted';
COMMENT ON COLUMN catalog.notice_question.mails IS 'Questions since then';

ALTER TABLE catalog.sale ADD COLUMN claim_window interval
  CHECK (claim_window BETWEEN interval '1 second' AND interval '30 days');
COMMENT ON COLUMN catalog.sale.claim_window IS
  'Time to pay for a unit from the waitlist, until the sale closes at the latest; NULL: claim_window_s';

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('notice_keep_s', 604800, 0, 31536000,
   'addresses and notices are kept this long after their sale has closed'),
  ('notice_confirm_s', 86400, 60, 604800,
   'an e-mail address that is not confirmed within this time is removed'),
  ('notice_questions_max', 3, 1, 100,
   'confirmation mails to one address, and for one user, within a day'),
  ('notice_pushes_max', 5, 1, 20,
   'push subscriptions of one user for one sale; a new one replaces the oldest'),
  ('notice_contacts_max', 2000000, 0, 100000000,
   'contacts of all sales, as far as the planner''s statistics know; more are refused'),
  ('notices_per_contact_max', 100, 1, 10000,
   'notices that one contact may get; further events are not told');

RESET ROLE;
