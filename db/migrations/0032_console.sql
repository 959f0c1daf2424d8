-- flashsale_console: the role of the console. It reads what the live view shows, and it may execute what
-- support and merchants need. Each routine grants it what it may do; it may use no table.
--
-- Roles belong to the whole cluster: several databases of it may be prepared at the same moment.

DO $$
BEGIN
  IF to_regrole('flashsale_console') IS NULL THEN
    BEGIN
      CREATE ROLE flashsale_console NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  -- internal_error: "tuple concurrently updated", another session granted it just now.
  IF NOT pg_has_role(current_user, 'flashsale_console', 'MEMBER') THEN
    BEGIN
      GRANT flashsale_console TO current_user;
    EXCEPTION
      WHEN unique_violation OR internal_error THEN NULL;
    END;
  END IF;
END
$$;

GRANT USAGE ON SCHEMA catalog, regular, hot TO flashsale_console;

COMMENT ON SEQUENCE catalog.action_action_no_seq IS 'Numbers of actions';
