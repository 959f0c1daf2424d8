-- Each role can be the login of its own processes (db/logins.ts): nothing that a session of it says
-- makes it anybody else. The login of operators runs the commands that only read as well, so it may
-- take the role of readers; it loses rights by that.
--
-- Roles belong to the whole cluster: several databases of it may be prepared at the same moment.

DO $$
BEGIN
  IF NOT pg_has_role('flashsale_ops', 'flashsale_readonly', 'MEMBER') THEN
    GRANT flashsale_readonly TO flashsale_ops;
  END IF;
EXCEPTION
  -- internal_error: "tuple concurrently updated", another session granted it just now.
  WHEN unique_violation OR internal_error THEN NULL;
END
$$;
