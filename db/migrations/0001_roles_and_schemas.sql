-- Roles and schemas.
--
-- Roles belong to the whole cluster, and several databases of one cluster may be prepared at the
-- same moment. Whoever loses such a race finds the role made: that is what was wanted.
--
--   flashsale_owner     owns every object; migrates and installs routines
--   flashsale_web       web nodes: outcomes, catalogue, a shopper's own orders, pay, cancel
--   flashsale_worker    workers and the quota keeper: place, expire, outbox, unit counts, fence
--   flashsale_ops       operators: sales, SKUs, restock, slots, tunables, audit
--   flashsale_readonly  audit and views
--
-- None of them can log in. A process connects as a login role that is a member, and takes the role
-- with the connection option "-c role=flashsale_web".

DO $$
DECLARE
  v_role text;
BEGIN
  FOREACH v_role IN ARRAY ARRAY[
    'flashsale_owner', 'flashsale_web', 'flashsale_worker', 'flashsale_ops', 'flashsale_readonly'
  ] LOOP
    IF to_regrole(v_role) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    -- A superuser is a member of every role, so this is for plain login roles only.
    -- internal_error: "tuple concurrently updated", another session granted it just now.
    IF NOT pg_has_role(current_user, v_role, 'MEMBER') THEN
      BEGIN
        EXECUTE format('GRANT %I TO %I', v_role, current_user);
      EXCEPTION
        WHEN unique_violation OR internal_error THEN NULL;
      END;
    END IF;
  END LOOP;
END
$$;

CREATE SCHEMA catalog AUTHORIZATION flashsale_owner;
CREATE SCHEMA regular AUTHORIZATION flashsale_owner;
CREATE SCHEMA hot AUTHORIZATION flashsale_owner;

COMMENT ON SCHEMA catalog IS 'Sales, SKUs, tunables and what both order schemas share';
COMMENT ON SCHEMA regular IS 'Stock and orders of SKUs with everyday demand';
COMMENT ON SCHEMA hot IS 'The same tables and routines as regular, for SKUs under a stampede';

GRANT USAGE ON SCHEMA catalog, regular, hot
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly;

-- A routine that somebody forgets to REVOKE must not be open to everyone in the meantime.
ALTER DEFAULT PRIVILEGES FOR ROLE flashsale_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
