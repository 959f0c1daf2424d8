-- Since when the log of events is complete: audit() expects no events of orders that are older.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);
    ALTER TABLE outbox_relay ADD COLUMN log_since timestamptz NOT NULL DEFAULT '-infinity';
    COMMENT ON COLUMN outbox_relay.log_since IS
      'Outbox and log together have every event of orders made since then';
    -- What was published before there was a log is in none.
    UPDATE outbox_relay SET log_since = now() WHERE EXISTS (SELECT FROM orders);
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
