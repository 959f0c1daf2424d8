-- notice_contact_hints: returns where a shopper is told of the orders of a sale, without the addresses. Customer
-- service can ask a caller for the rest of a hint, and cannot read it out.
--
-- Parameters: p_sale, p_user
-- Result: one row for each contact, oldest first
--   hint          j…@example.com for an e-mail address, …@example.com if one letter stands before the @; the push
--                 service for a push subscription
--   confirmed_at  when the owner of the address agreed; NULL: not yet
-- Tables: reads notice_contact
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.notice_contact_hints(p_sale text, p_user text)
RETURNS TABLE (
  channel text, hint text, language text, created_at timestamptz, confirmed_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT c.channel,
         CASE c.channel WHEN 'email' THEN regexp_replace(c.address, '^(?:(.).+|.)@', '\1…@')
                        ELSE split_part(c.address, '/', 3) END,
         c.language, c.created_at, c.confirmed_at
  FROM notice_contact c
  WHERE c.sale = p_sale AND c.user_id = p_user
  ORDER BY c.created_at, c.contact
$routine$;

ALTER FUNCTION catalog.notice_contact_hints OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.notice_contact_hints IS
  'Where a shopper is told of the orders of a sale, without the addresses';
REVOKE ALL ON FUNCTION catalog.notice_contact_hints FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.notice_contact_hints TO flashsale_ops, flashsale_console;
