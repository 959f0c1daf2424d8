-- confirm_notice_contact: the owner of an e-mail address agrees. The notices since the shopper asked are sent
-- now. The address that the shopper had before is removed, and what it was still to be told goes to this one.
--
-- Parameters: p_contact, from the signed link of the question
-- Result: the sale; NULL if there is no such contact, because it was removed or has expired
-- Tables: writes notice_contact, notice
-- Locks, in order: the notice_contact rows of the user's addresses, ascending; their notice rows
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.confirm_notice_contact(p_contact uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_old  uuid[];
  v_sale text;
BEGIN
  -- As insert_notices locks them.
  PERFORM FROM notice_contact c JOIN notice_contact o USING (sale, user_id, channel)
  WHERE c.contact = p_contact ORDER BY o.contact FOR UPDATE OF o;
  v_old := ARRAY(
    SELECT o.contact FROM notice_contact c JOIN notice_contact o USING (sale, user_id, channel)
    WHERE c.contact = p_contact AND c.channel = 'email' AND c.confirmed_at IS NULL AND o.contact <> p_contact);
  UPDATE notice_contact c SET confirmed_at = coalesce(c.confirmed_at, now())
  WHERE c.contact = p_contact RETURNING c.sale INTO v_sale;
  -- Notices that went to the old address do not go to the new one.
  DELETE FROM notice n USING notice o
  WHERE n.contact = p_contact AND n.state = 'held' AND o.contact = ANY (v_old) AND o.state IN ('due', 'sent')
    AND (o.order_no, o.kind, o.event_no) = (n.order_no, n.kind, n.event_no);
  UPDATE notice n SET contact = p_contact
  WHERE n.contact = ANY (v_old) AND n.kind <> 'confirm' AND n.state IN ('due', 'sent');
  DELETE FROM notice_contact c WHERE c.contact = ANY (v_old);
  UPDATE notice n SET state = 'due', due_at = greatest(n.due_at, now()) WHERE n.contact = p_contact AND n.state = 'held';
  RETURN v_sale;
END
$routine$;

ALTER FUNCTION catalog.confirm_notice_contact OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.confirm_notice_contact IS 'The owner of an e-mail address agrees to notices';
REVOKE ALL ON FUNCTION catalog.confirm_notice_contact FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.confirm_notice_contact TO flashsale_web;
