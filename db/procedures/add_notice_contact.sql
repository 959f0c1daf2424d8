-- add_notice_contact: records where a shopper wants to be told of the orders of a sale. Asking again changes
-- the language. An e-mail address is asked to confirm first: until then only that question is
-- sent. The number of questions is limited for each address and for each user, so that nobody floods a
-- stranger's mailbox.
--
-- Parameters
--   p_sale, p_user   the sale and the shopper
--   p_channel        email or push. A user has one address for each sale: a new one replaces the old one, which
--                    is told until the new one is confirmed (confirm_notice_contact). A push address is of a browser,
--                    and the shopper who asked last has it: those before are not told there any more, of no sale
--   p_address        the e-mail address in ASCII, or the URL of the push subscription
--   p_push_key, p_push_auth  the keys of the push subscription; NULL for email
--   p_language       language of the texts
--   p_reminders      reminders of the user's unpaid orders, as insert_notices takes them
-- Result: added, known (it was there), questions (too many confirmations were asked), full (too many contacts),
--   over (the sale is over), unknown_sale
-- Tables: reads catalog.sale, catalog.tunable; writes notice_contact, notice, notice_question
-- Locks, in order: the advisory lock of the user's contacts; notice_question rows, ascending; notice_contact and
--   notice rows of the user, and those of others with the same push address
-- Errors: 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.add_notice_contact(
  p_sale      text,
  p_user      text,
  p_channel   text,
  p_address   text,
  p_push_key  text,
  p_push_auth text,
  p_language  text,
  p_reminders jsonb DEFAULT '[]'
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_closes_at timestamptz;
  v_contact   notice_contact%ROWTYPE;
  v_is_known  boolean;
  v_mails     int;
BEGIN
  SELECT s.closes_at INTO v_closes_at FROM sale s WHERE s.sale = p_sale;
  IF NOT FOUND THEN RETURN 'unknown_sale'; END IF;
  IF now() > v_closes_at + tunable('notice_keep_s') * interval '1 s' THEN RETURN 'over'; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('notices'), hashtext(p_user));

  SELECT c.* INTO v_contact FROM notice_contact c
  WHERE c.sale = p_sale AND c.user_id = p_user AND c.channel = p_channel AND c.address = p_address;
  v_is_known := FOUND;
  IF NOT v_is_known AND tunable('notice_contacts_max') <= (
    SELECT t.reltuples FROM pg_catalog.pg_class t WHERE t.oid = 'catalog.notice_contact'::regclass
  ) THEN RETURN 'full'; END IF;
  IF p_channel = 'email' AND v_contact.confirmed_at IS NULL THEN
    WITH asked AS (
      INSERT INTO notice_question AS q (asked)
      SELECT k.asked FROM (VALUES (sha256(convert_to('address ' || lower(p_address), 'UTF8'))),
                                  (sha256(convert_to('user ' || p_user, 'UTF8')))) AS k (asked)
      ORDER BY k.asked
      ON CONFLICT (asked) DO UPDATE
      SET since = CASE WHEN q.since < now() - interval '1 day' THEN now() ELSE q.since END,
          mails = CASE WHEN q.since < now() - interval '1 day' THEN 1 ELSE q.mails + 1 END
      RETURNING q.mails
    )
    SELECT max(a.mails) INTO v_mails FROM asked a;
    IF v_mails > tunable('notice_questions_max') THEN RETURN 'questions'; END IF;
  END IF;

  IF p_channel = 'email' THEN
    DELETE FROM notice_contact c
    WHERE c.sale = p_sale AND c.user_id = p_user AND c.channel = 'email' AND c.confirmed_at IS NULL
      AND c.address <> p_address;
  END IF;
  -- Only the browser itself knows the secret of its subscription.
  IF p_channel = 'push' THEN
    DELETE FROM notice_contact c
    WHERE c.channel = 'push' AND c.address = p_address AND c.push_auth = p_push_auth AND c.user_id <> p_user;
  END IF;
  IF v_is_known THEN
    UPDATE notice_contact c
    SET language = p_language, push_key = p_push_key, push_auth = p_push_auth
    WHERE c.contact = v_contact.contact;
  ELSE
    DELETE FROM notice_contact c WHERE c.contact IN (
      SELECT o.contact FROM notice_contact o
      WHERE o.sale = p_sale AND o.user_id = p_user AND o.channel = p_channel AND p_channel = 'push'
      ORDER BY o.created_at DESC, o.contact
      OFFSET tunable('notice_pushes_max') - 1);
    INSERT INTO notice_contact (sale, user_id, channel, address, push_key, push_auth, language, confirmed_at)
    VALUES (p_sale, p_user, p_channel, p_address, p_push_key, p_push_auth, p_language,
            CASE WHEN p_channel = 'push' THEN now() END)
    RETURNING * INTO v_contact;
    PERFORM insert_notices(p_reminders, v_contact.contact);
  END IF;
  IF v_contact.confirmed_at IS NULL THEN
    -- A question that is asked again is a message of its own.
    INSERT INTO notice (contact, order_no, kind, event_no, channel, state, happened_at, due_at, next_at, until_at)
    SELECT v_contact.contact, 0, 'confirm', count(*), p_channel, 'due', now(), now(), now(),
           v_contact.created_at + tunable('notice_confirm_s') * interval '1 s'
    FROM notice n WHERE n.contact = v_contact.contact AND n.kind = 'confirm';
  END IF;
  RETURN CASE WHEN v_is_known THEN 'known' ELSE 'added' END;
END
$routine$;

ALTER FUNCTION catalog.add_notice_contact OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.add_notice_contact IS
  'Records where a shopper wants to be told of orders; an e-mail address is asked to confirm';
REVOKE ALL ON FUNCTION catalog.add_notice_contact FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.add_notice_contact TO flashsale_web;
