-- trim_notices: removes contacts whose time is over, with their notices: those of sales that have closed long
-- enough ago, and e-mail addresses that nobody has confirmed.
--
-- Parameters: p_limit, the largest number of contacts
-- Result: the number of contacts that were removed
-- Tables: reads catalog.sale, catalog.tunable; writes notice_contact, notice (its rows go with their contact),
--   notice_question
-- Locks, in order: notice_contact rows (SKIP LOCKED); their notice rows; notice_question rows (SKIP LOCKED)
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.trim_notices(p_limit int) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_keep    interval := tunable('notice_keep_s') * interval '1 s';
  v_confirm interval := tunable('notice_confirm_s') * interval '1 s';
  v_removed bigint;
BEGIN
  DELETE FROM notice_contact c USING (
    SELECT o.contact FROM sale s JOIN notice_contact o ON o.sale = s.sale
    WHERE s.closes_at < now() - v_keep LIMIT p_limit FOR UPDATE OF o SKIP LOCKED
  ) old WHERE c.contact = old.contact;
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  IF v_removed < p_limit THEN
    WITH removed AS (
      DELETE FROM notice_contact c USING (
        SELECT u.contact FROM notice_contact u
        WHERE u.confirmed_at IS NULL AND u.created_at < now() - v_confirm
        LIMIT p_limit FOR UPDATE SKIP LOCKED
      ) old WHERE c.contact = old.contact
      RETURNING 1
    )
    SELECT v_removed + count(*) INTO v_removed FROM removed;
  END IF;
  DELETE FROM notice_question q USING (
    SELECT o.asked FROM notice_question o WHERE o.since < now() - interval '1 day'
    LIMIT p_limit FOR UPDATE SKIP LOCKED
  ) old WHERE q.asked = old.asked;
  RETURN v_removed;
END
$routine$;

ALTER FUNCTION catalog.trim_notices OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.trim_notices IS
  'Removes contacts of sales that are over, and addresses that nobody has confirmed';
REVOKE ALL ON FUNCTION catalog.trim_notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.trim_notices TO flashsale_worker, flashsale_ops;
