-- waitlist_entries: returns what shoppers are told of their places in waitlists, for many shoppers at once.
--
-- Parameters: p_skus and p_user_ids, of the same length: the SKU and the user of each question
-- Result: for each pair the place in the waitlist, or how the last place ended; no row if there was none in
--   this schema
--   state    waiting; served, with the order; limit_reached; closed: the SKU or its sale ended first
--   ahead    how many places come first now; a user with a better rank may still join. NULL unless waiting,
--            and while the waitlist is on its way to another server
--   in_line  how many places wait; NULL when ahead is NULL
-- Tables: reads catalog.sku, catalog.sale, waiting, orders, the tables of order_refund, and transfer of the
--   other schema: when a SKU has left for another server, its waitlist is only there until it is applied
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.waitlist_entries(p_skus text[], p_user_ids text[])
RETURNS TABLE (
  sale text, sku text, user_id text, units int, claims int, rank double precision, state text,
  asked_at timestamptz, ended_at timestamptz, ahead bigint, in_line bigint, order_no bigint,
  request_id uuid, order_units int, amount numeric, currency text, order_status text,
  order_reason text, created_at timestamptz, pay_before timestamptz, refund json
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH asked AS (
    SELECT DISTINCT k.sku, k.sale, a.user_id COLLATE "C" AS user_id,
           k.state = 'closed' OR s.closes_at <= now() AS is_closed
    FROM unnest(p_skus, p_user_ids) AS a (sku, user_id)
    JOIN catalog.sku k ON k.sku = a.sku
    JOIN catalog.sale s ON s.sale = k.sale
  ), moving AS MATERIALIZED (
    SELECT w.*
    FROM (SELECT r.* FROM regular.transfer r WHERE current_schema() = 'hot'
          UNION ALL SELECT h.* FROM hot.transfer h WHERE current_schema() = 'regular') t
    CROSS JOIN LATERAL jsonb_populate_recordset(NULL::waiting, t.body->'line') w
    WHERE t.kind = 'home' AND t.done_at IS NULL AND t.sku = ANY (p_skus)
  ), latest AS (
    SELECT a.is_closed, e.*
    FROM asked a
    CROSS JOIN LATERAL (
      SELECT w.* FROM waiting w
      WHERE w.sale = a.sale AND w.sku = a.sku AND w.user_id = a.user_id
      UNION ALL
      SELECT p.* FROM moving p WHERE p.sku = a.sku AND p.user_id = a.user_id
      ORDER BY ended_at DESC NULLS FIRST LIMIT 1) e
  ), line AS (
    -- Each waitlist that a question is about is read once, however many questions there are.
    SELECT w.sku, w.user_id,
           row_number() OVER (PARTITION BY w.sku ORDER BY w.claims, w.rank, w.user_id) - 1 AS ahead,
           count(*) OVER (PARTITION BY w.sku) AS in_line
    FROM waiting w
    WHERE w.state = 'waiting' AND (w.sale, w.sku) IN (
      SELECT l.sale, l.sku FROM latest l WHERE l.state = 'waiting' AND NOT l.is_closed)
  )
  SELECT l.sale, l.sku, l.user_id, l.units, l.claims, l.rank,
         CASE WHEN l.state = 'waiting' AND l.is_closed THEN 'closed' ELSE l.state END,
         l.asked_at, l.ended_at, n.ahead, n.in_line, o.order_no, o.request_id, o.units, o.amount,
         o.currency, o.status, o.reason, o.created_at, o.pay_before,
         order_refund(o.order_no, o.sale, o.amount, o.currency)
  FROM latest l
  LEFT JOIN line n ON n.sku = l.sku AND n.user_id = l.user_id AND l.state = 'waiting'
  LEFT JOIN orders o ON o.order_no = l.order_no AND o.sale = l.sale
$routine$;

ALTER FUNCTION :schema.waitlist_entries OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.waitlist_entries IS
  'What shoppers are told of their places in waitlists: the place, or how it ended';
REVOKE ALL ON FUNCTION :schema.waitlist_entries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.waitlist_entries TO flashsale_web, flashsale_ops, flashsale_console;
