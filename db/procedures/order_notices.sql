-- order_notices: returns what shoppers were told, or are to be told, of an order. No row has an address.
--
-- Parameters: p_order_no
-- Result: one row for each notice, in the order of their events; no rows if nobody wants to be told
-- Tables: reads notice, notice_contact
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.order_notices(p_order_no bigint)
RETURNS TABLE (
  notice_no bigint, kind text, channel text, language text, state text, happened_at timestamptz,
  next_at timestamptz, attempts int, last_error text, sent_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT n.notice_no, n.kind, n.channel, c.language, n.state, n.happened_at, n.next_at, n.attempts,
         n.last_error, n.sent_at
  FROM notice n JOIN notice_contact c ON c.contact = n.contact
  WHERE n.order_no = p_order_no
  ORDER BY n.happened_at, n.notice_no
$routine$;

ALTER FUNCTION catalog.order_notices OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.order_notices IS 'What shoppers were told, or are to be told, of an order';
REVOKE ALL ON FUNCTION catalog.order_notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.order_notices TO flashsale_ops, flashsale_readonly, flashsale_console;
