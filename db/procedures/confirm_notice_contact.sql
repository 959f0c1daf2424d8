-- confirm_notice_contact: the owner of an e-mail address agrees. The notices since the shopper asked are sent
-- now.
--
-- Parameters: p_contact, from the signed link of the question
-- Result: the sale; NULL if there is no such contact, because it was removed or has expired
-- Tables: writes notice_contact, notice
-- Locks, in order: the notice_contact row; its notice rows
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.confirm_notice_contact(p_contact uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_sale text;
BEGIN
  UPDATE notice_contact c SET confirmed_at = coalesce(c.confirmed_at, now())
  WHERE c.contact = p_contact RETURNING c.sale INTO v_sale;
  UPDATE notice n SET state = 'due', due_at = greatest(n.due_at, now()) WHERE n.contact = p_contact AND n.state = 'held';
  RETURN v_sale;
END
$routine$;

ALTER FUNCTION catalog.confirm_notice_contact OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.confirm_notice_contact IS 'The owner of an e-mail address agrees to notices';
REVOKE ALL ON FUNCTION catalog.confirm_notice_contact FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.confirm_notice_contact TO flashsale_web;
