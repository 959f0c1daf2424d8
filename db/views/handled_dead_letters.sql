-- handled_dead_letters: what operators did with dead letters, newest first.

CREATE OR REPLACE VIEW :schema.handled_dead_letters AS
SELECT d.handled_at, d.handled_by, d.action, d.letter, d.queue, d.cause, d.error, d.sku,
       d.request_ids, d.reason, d.headers, d.bytes, d.content,
       d.dead_letter_no
FROM :schema.dead_letter d
ORDER BY d.dead_letter_no DESC;

ALTER VIEW :schema.handled_dead_letters OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.handled_dead_letters IS
  'What operators did with dead letters, newest first';
COMMENT ON COLUMN :schema.handled_dead_letters.handled_at IS 'When the operator handled it';
COMMENT ON COLUMN :schema.handled_dead_letters.handled_by IS 'The operator';
COMMENT ON COLUMN :schema.handled_dead_letters.action IS 'replayed or refused';
COMMENT ON COLUMN :schema.handled_dead_letters.letter IS 'Its id in flashsale dead-letters';
COMMENT ON COLUMN :schema.handled_dead_letters.queue IS 'The queue that it was in before';
COMMENT ON COLUMN :schema.handled_dead_letters.cause IS 'Why no worker could decide it';
COMMENT ON COLUMN :schema.handled_dead_letters.error IS 'The error that the worker met';
COMMENT ON COLUMN :schema.handled_dead_letters.sku IS 'Its SKU; NULL if it could not be read';
COMMENT ON COLUMN :schema.handled_dead_letters.request_ids IS 'Its requests, as far as readable';
COMMENT ON COLUMN :schema.handled_dead_letters.reason IS 'What shoppers were told, if it was refused';
COMMENT ON COLUMN :schema.handled_dead_letters.headers IS 'Headers of the message';
COMMENT ON COLUMN :schema.handled_dead_letters.bytes IS 'Its length in bytes';
COMMENT ON COLUMN :schema.handled_dead_letters.content IS 'Its first bytes';
COMMENT ON COLUMN :schema.handled_dead_letters.dead_letter_no IS 'Its number, ascending within a schema';
REVOKE ALL ON :schema.handled_dead_letters FROM PUBLIC;
GRANT SELECT ON :schema.handled_dead_letters TO flashsale_ops, flashsale_readonly;
