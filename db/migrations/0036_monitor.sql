-- flashsale_monitor: the role of the exporter of PostgreSQL's statistics. It reads what pg_monitor may read, and
-- no table of the shop.
--
-- Roles belong to the whole cluster: several databases of it may be prepared at the same moment.

DO $$
BEGIN
  IF to_regrole('flashsale_monitor') IS NULL THEN
    BEGIN
      CREATE ROLE flashsale_monitor NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  -- internal_error: "tuple concurrently updated", another session granted it just now.
  IF NOT pg_has_role('flashsale_monitor', 'pg_monitor', 'MEMBER') THEN
    BEGIN
      GRANT pg_monitor TO flashsale_monitor;
    EXCEPTION
      WHEN unique_violation OR internal_error THEN NULL;
      -- From version 16 on, only members with the admin option may grant it.
      WHEN insufficient_privilege THEN
        RAISE WARNING 'a superuser has to run: GRANT pg_monitor TO flashsale_monitor';
    END;
  END IF;
  IF NOT pg_has_role(current_user, 'flashsale_monitor', 'MEMBER') THEN
    BEGIN
      GRANT flashsale_monitor TO current_user;
    EXCEPTION
      WHEN unique_violation OR internal_error THEN NULL;
    END;
  END IF;
END
$$;
