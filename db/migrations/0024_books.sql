-- The exact searches of the audit are told where to look; and when each schema was audited last.

SET LOCAL ROLE flashsale_owner;

-- The installer makes them again.
DROP FUNCTION IF EXISTS regular.event_books();
DROP FUNCTION IF EXISTS hot.event_books();

DO $$
DECLARE
  v_schema text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);
    CREATE TABLE audit_run (
      one      boolean PRIMARY KEY DEFAULT true CHECK (one),
      next_at  timestamptz NOT NULL DEFAULT '-infinity',
      broken   int,
      took_ms  int,
      ended_at timestamptz
    ) WITH (fillfactor = 50);
    INSERT INTO audit_run DEFAULT VALUES;
    COMMENT ON TABLE audit_run IS 'The last audit of this schema and when the next is due: one row';
    COMMENT ON COLUMN audit_run.one IS 'There is one row';
    COMMENT ON COLUMN audit_run.next_at IS
      'A worker takes the next one after that; while one is under way, when another may take it';
    COMMENT ON COLUMN audit_run.broken IS 'Rows that the last one found';
    COMMENT ON COLUMN audit_run.took_ms IS 'How long it took';
    COMMENT ON COLUMN audit_run.ended_at IS 'When it ended';
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
