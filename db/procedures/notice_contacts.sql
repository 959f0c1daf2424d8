-- notice_contacts: returns where a shopper is told of the orders of a sale.
--
-- Parameters: p_sale, p_user
-- Result: one row for each contact, oldest first. Keys of push subscriptions are not returned
-- Tables: reads notice_contact
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.notice_contacts(p_sale text, p_user text)
RETURNS TABLE (
  contact uuid, channel text, address text, language text, created_at timestamptz, confirmed_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT c.contact, c.channel, c.address, c.language, c.created_at, c.confirmed_at
  FROM notice_contact c
  WHERE c.sale = p_sale AND c.user_id = p_user
  ORDER BY c.created_at, c.contact
$routine$;

ALTER FUNCTION catalog.notice_contacts OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.notice_contacts IS 'Where a shopper is told of the orders of a sale';
REVOKE ALL ON FUNCTION catalog.notice_contacts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.notice_contacts TO flashsale_web, flashsale_ops;
