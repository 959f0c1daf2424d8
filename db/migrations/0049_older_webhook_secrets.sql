-- A secret of an endpoint that was replaced twice within its overlap signs on until its own end (db/procedures/rotate_webhook_secret.sql).

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.webhook_older_secret (
  endpoint    text COLLATE "C" NOT NULL REFERENCES catalog.webhook_endpoint ON DELETE CASCADE,
  secret      text COLLATE "C" NOT NULL,
  signs_until timestamptz NOT NULL,
  PRIMARY KEY (endpoint, secret)
);
COMMENT ON TABLE catalog.webhook_older_secret IS
  'Secrets before old_secret of their endpoint that still sign its deliveries. Only webhook_targets() returns them';
COMMENT ON COLUMN catalog.webhook_older_secret.endpoint IS 'Id of the endpoint';
COMMENT ON COLUMN catalog.webhook_older_secret.secret IS 'The secret';
COMMENT ON COLUMN catalog.webhook_older_secret.signs_until IS 'When it stops signing';

RESET ROLE;
