-- notice_events: returns the events that follow a position of the log, with their orders, as far as they belong
-- to sales with contacts. Call plan_notices with what they mean for shoppers.
--
-- Parameters
--   p_after  the position up to which events were derived
--   p_limit  the largest number of rows of the log; each may hold a whole batch of orders
--   p_sales  the sales that have contacts; orders of other sales are not read
-- Result: no rows at the end of the log; otherwise at least one row. Each has read_to, the new position. If
--   order_no is NULL, the row has no more than that; otherwise it is one order of one event, as in outbox_batch,
--   with
--   waited   whether the unit came from the waitlist
--   reason   why the shop cancelled the order; NULL if it did not
-- Tables: reads event, orders, outcome, payment
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.notice_events(p_after bigint, p_limit int, p_sales text[])
RETURNS TABLE (
  read_to bigint, event_no bigint, kind text, happened_at timestamptz, order_no bigint,
  request_id uuid, sale text, sku text, user_id text, units int, amount numeric, currency text,
  created_at timestamptz, pay_before timestamptz, payment_ref text, refund_amount numeric,
  refund_currency text, waited boolean, reason text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH next AS MATERIALIZED (
    SELECT v.* FROM event v WHERE v.log_no > p_after ORDER BY v.log_no LIMIT p_limit
  ), read AS (
    SELECT max(n.log_no) AS log_no FROM next n
  )
  SELECT r.log_no, n.event_no, n.kind, n.happened_at, o.order_no, o.request_id, o.sale, o.sku, o.user_id,
         o.units, o.amount, o.currency, o.created_at, o.pay_before, n.payment_ref,
         coalesce(p.amount, o.amount), coalesce(p.currency, o.currency),
         n.kind = 'placed' AND EXISTS (
           SELECT FROM outcome u
           WHERE u.request_id = o.request_id AND u.sale = o.sale AND u.reason = 'waited'),
         o.reason
  FROM read r
  LEFT JOIN (next n
    CROSS JOIN LATERAL unnest(n.order_nos) AS e (order_no)
    JOIN orders o ON o.order_no = e.order_no AND o.sale = n.sale
    LEFT JOIN payment p ON p.payment_ref = n.payment_ref AND p.sale = n.sale)
    ON n.sale = ANY (p_sales)
  WHERE r.log_no IS NOT NULL
  ORDER BY n.log_no, o.order_no
$routine$;

ALTER FUNCTION :schema.notice_events OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.notice_events IS
  'The events that follow a position of the log, for sales with contacts; call plan_notices';
REVOKE ALL ON FUNCTION :schema.notice_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.notice_events TO flashsale_worker;
