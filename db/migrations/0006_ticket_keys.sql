-- Ticket keys rotate: a sale has several, the newest signs.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.ticket_key
  ADD COLUMN id int NOT NULL DEFAULT 1 CHECK (id >= 1),
  ADD COLUMN revoked_at timestamptz,
  DROP CONSTRAINT ticket_key_pkey,
  ADD PRIMARY KEY (sale, id);
COMMENT ON TABLE catalog.ticket_key IS
  'Sign purchase tickets, the newest of a sale now. None exists before its sale opens';
COMMENT ON COLUMN catalog.ticket_key.id IS
  'Ascending from 1; a key retires when the next one is made. The first also signs receipts';
COMMENT ON COLUMN catalog.ticket_key.revoked_at IS 'Since then nothing that it signed is a ticket';
COMMENT ON COLUMN catalog.ticket_key.created_at IS 'When a web node asked for it, or an operator';

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('ticket_key_life_ms', 600000, 1000, 2592000000,
   'the key that signs tickets of a sale is so old when the next one is made');

RESET ROLE;
