-- take_notices: takes notices to send now, each for the time of a lease. Notices that are too late are dropped.
--
-- Parameters
--   p_channel  email or push
--   p_limit    the largest number of notices
--   p_lease    the time in which the caller has to report a notice. After that it is taken again
-- Result: one row for each notice, the longest due first, with its contact and the titles of the SKU and the
--   sale, in the language of the contact if there are such. sku_title is NULL for confirm
-- Tables: reads catalog.sale, catalog.sku, notice_contact; writes notice
-- Locks: notice rows (SKIP LOCKED)
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.take_notices(p_channel text, p_limit int, p_lease interval)
RETURNS TABLE (
  notice_no bigint, contact uuid, order_no bigint, kind text, event_no bigint, copy int, attempts int,
  facts jsonb, until_at timestamptz, sale text, sale_title text, sku_title text, address text,
  push_key text, push_auth text, language text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
#variable_conflict use_column
BEGIN
  UPDATE notice n SET state = 'dropped', last_error = 'too late'
  FROM (SELECT l.notice_no FROM notice l
        WHERE l.channel = p_channel AND l.state = 'due' AND l.next_at <= now() AND l.until_at < now()
        LIMIT 1000 FOR UPDATE SKIP LOCKED) late
  WHERE n.notice_no = late.notice_no;

  RETURN QUERY
    WITH due AS MATERIALIZED (
      SELECT d.notice_no FROM notice d
      WHERE d.channel = p_channel AND d.state = 'due' AND d.next_at <= now() AND d.until_at >= now()
      ORDER BY d.next_at LIMIT p_limit
      FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE notice n SET next_at = now() + p_lease, attempts = n.attempts + 1
      FROM due d
      -- Look at the current row: another worker may have taken it since the snapshot.
      WHERE n.notice_no = d.notice_no AND n.state = 'due' AND n.next_at <= now()
      RETURNING n.*
    )
    SELECT t.notice_no, t.contact, t.order_no, t.kind, t.event_no, t.copy, t.attempts, t.facts,
           t.until_at, c.sale,
           coalesce(s.presentation #>> ARRAY['title', c.language], s.title),
           coalesce(k.presentation #>> ARRAY['title', c.language], k.title), c.address, c.push_key, c.push_auth, c.language
    FROM taken t
    JOIN notice_contact c ON c.contact = t.contact
    JOIN sale s ON s.sale = c.sale
    LEFT JOIN sku k ON k.sku = t.facts ->> 'sku'
    ORDER BY t.notice_no;
END
$routine$;

ALTER FUNCTION catalog.take_notices OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.take_notices IS
  'Takes notices to send now; call report_notices with the results';
REVOKE ALL ON FUNCTION catalog.take_notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.take_notices TO flashsale_worker;
