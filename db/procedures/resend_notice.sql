-- resend_notice: sends a notice again, as a message of its own: a shopper says that it did not arrive.
--
-- Parameters: p_notice_no, from order_notices; p_by, who does it; p_reason, why
-- Result: false if there is no such notice, or the owner of its address has not confirmed it
-- Tables: writes notice, catalog.action; reads notice_contact
-- Locks: the notice row
-- Errors: 23502, 23514 p_by or p_reason is not as record_action wants it

CREATE OR REPLACE FUNCTION catalog.resend_notice(p_notice_no bigint, p_by text, p_reason text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_notice record;
BEGIN
  UPDATE notice n
  SET state = 'due', copy = n.copy + 1, attempts = 0, due_at = now(), next_at = now(),
      until_at = greatest(n.until_at, now() + interval '1 day'), last_error = NULL, sent_at = NULL
  FROM notice_contact c
  WHERE n.notice_no = p_notice_no AND c.contact = n.contact AND n.state <> 'held' AND n.order_no > 0
  RETURNING c.sale, n.order_no, n.kind, n.channel INTO v_notice;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM record_action(p_by, 'resend', v_notice.sale, v_notice.order_no::text, p_reason,
                        jsonb_build_object('kind', v_notice.kind, 'channel', v_notice.channel));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.resend_notice OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.resend_notice IS 'Sends a notice again, as a message of its own';
REVOKE ALL ON FUNCTION catalog.resend_notice FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.resend_notice TO flashsale_ops, flashsale_console;
