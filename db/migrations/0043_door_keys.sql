-- Codes that are checked at the door (docs/decisions/0075): each sale with numbered goods has a key that signs them.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.door_key (
  sale    text COLLATE "C" PRIMARY KEY REFERENCES catalog.sale ON DELETE CASCADE,
  seed    bytea NOT NULL CHECK (octet_length(seed) = 32),
  public  bytea CHECK (octet_length(public) = 32),
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.door_key IS
  'The key of each sale with numbered goods that signs the codes of its units. Made once, never changed; on the server of regular';
COMMENT ON COLUMN catalog.door_key.sale IS 'The sale';
COMMENT ON COLUMN catalog.door_key.seed IS
  'The seed of the Ed25519 key: whoever knows it can make codes. Only web nodes read it, through door_key';
COMMENT ON COLUMN catalog.door_key.public IS
  'The public key that follows from the seed, with which a door checks codes; NULL until a web node has told it';
COMMENT ON COLUMN catalog.door_key.made_at IS 'When a web node first asked for it';

RESET ROLE;
