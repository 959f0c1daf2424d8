-- forget_notice_contacts: removes contacts of a user, or one contact, with their notices. A notice whose attempt
-- is under way may still arrive.
--
-- Parameters
--   p_user     the user whose contacts are removed; NULL: that of p_contact
--   p_sale     only those of this sale; NULL: of every sale (erasure of a user)
--   p_contact  only this contact; NULL: all of the user
-- Result: the number of contacts that were removed
-- Tables: writes notice_contact, notice (its rows go with their contact)
-- Locks, in order: the notice_contact rows; their notice rows
-- Errors: FS001 neither a user nor a contact

CREATE OR REPLACE FUNCTION catalog.forget_notice_contacts(p_user text, p_sale text, p_contact uuid)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_removed bigint;
BEGIN
  IF p_user IS NULL AND p_contact IS NULL THEN
    RAISE EXCEPTION 'forget_notice_contacts takes a user or a contact' USING ERRCODE = 'FS001';
  END IF;
  DELETE FROM notice_contact c
  WHERE (p_user IS NULL OR c.user_id = p_user)
    AND (p_sale IS NULL OR c.sale = p_sale)
    AND (p_contact IS NULL OR c.contact = p_contact);
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END
$routine$;

ALTER FUNCTION catalog.forget_notice_contacts OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.forget_notice_contacts IS
  'Removes contacts of a user, or one contact, with their notices';
REVOKE ALL ON FUNCTION catalog.forget_notice_contacts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.forget_notice_contacts
  TO flashsale_web, flashsale_worker, flashsale_ops;
