-- A database that was set back by a restore is recognised by itself (docs/decisions/0068): nothing sells from a
-- history of the server that nobody has accepted, and the keeper beats so that another place knows how far the
-- database had come.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.pulse (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  history   text COLLATE "C",
  beat      bigint NOT NULL DEFAULT 0,
  beaten_at timestamptz NOT NULL DEFAULT now(),
  skipped   text COLLATE "C"
) WITH (fillfactor = 10);
COMMENT ON TABLE catalog.pulse IS
  'How far this database has come, by which a restored one is recognised; one row';
COMMENT ON COLUMN catalog.pulse.one IS 'Always true: the table has one row';
COMMENT ON COLUMN catalog.pulse.history IS
  'The history of the server that was accepted: system identifier and timeline. NULL: the database was set back, and nothing is sold';
COMMENT ON COLUMN catalog.pulse.beat IS
  'Beats of the keeper. ZooKeeper remembers the last one; a database with fewer was set back';
COMMENT ON COLUMN catalog.pulse.beaten_at IS 'When the keeper last beat';
COMMENT ON COLUMN catalog.pulse.skipped IS
  'The history for which skip_numbers has moved the sequences on; NULL: none';
INSERT INTO catalog.pulse (history)
SELECT s.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
FROM pg_control_system() s;

COMMENT ON COLUMN regular.transfer.done_at IS
  'When this server learned that the transfer was applied; NULL before. transfers_applied deletes the row seven days later';
COMMENT ON COLUMN hot.transfer.done_at IS
  'When this server learned that the transfer was applied; NULL before. transfers_applied deletes the row seven days later';

RESET ROLE;
