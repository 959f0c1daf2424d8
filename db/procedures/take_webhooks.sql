-- take_webhooks: takes events to deliver to an endpoint now, each for the time of a lease.
--
-- Parameters
--   p_endpoint, p_kinds, p_since  the id of the endpoint, the kinds of events that it wants, and when it was
--                  added
--   p_limit        the largest number of events
--   p_lease        the time in which the caller has to report an event. After that it is taken again
--   p_pending_max  more of the log is read while fewer deliveries than this wait for their first attempt,
--   p_failing_max  and fewer than this have failed, or wait behind another event of their order
--   p_failed       true: only events that failed before, and the log is not read; false: only events that
--                  did not
-- Result: one row for each event, oldest first, as in outbox_batch, with log_no and attempts. An event is not
--   returned while an earlier event of its order is neither delivered nor given up
-- Tables: reads event, orders, payment; writes webhook_cursor, webhook_delivery
-- Locks, in order: the webhook_cursor row (SKIP LOCKED: if it is locked, another worker reads the log);
--   webhook_delivery rows (SKIP LOCKED)
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.take_webhooks(
  p_endpoint    text,
  p_kinds       text[],
  p_since       timestamptz,
  p_limit       int,
  p_lease       interval,
  p_pending_max int,
  p_failing_max int,
  p_failed      boolean
) RETURNS TABLE (
  log_no bigint, attempts int, event_no bigint, kind text, happened_at timestamptz, order_no bigint,
  request_id uuid, sale text, sku text, user_id text, units int, amount numeric, currency text,
  created_at timestamptz, pay_before timestamptz, payment_ref text, refund_amount numeric,
  refund_currency text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_cursor bigint;
  v_read   bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM webhook_cursor c WHERE c.endpoint = p_endpoint) THEN
    INSERT INTO webhook_cursor (endpoint, log_no)
    SELECT p_endpoint, coalesce(max(v.log_no), 0) FROM event v WHERE v.logged_at <= p_since
    ON CONFLICT (endpoint) DO NOTHING;
  END IF;
  SELECT c.log_no INTO v_cursor FROM webhook_cursor c
  WHERE c.endpoint = p_endpoint AND NOT p_failed FOR UPDATE SKIP LOCKED;
  IF FOUND AND (
    SELECT count(*) FILTER (WHERE w.is_new) < p_pending_max
       AND count(*) FILTER (WHERE NOT w.is_new) < p_failing_max
    FROM (SELECT d.last_error IS NULL
                 AND row_number() OVER (PARTITION BY d.order_no ORDER BY d.log_no) = 1 AS is_new
          FROM webhook_delivery d
          WHERE d.endpoint = p_endpoint AND d.given_up_at IS NULL) w
  ) THEN
    WITH next AS MATERIALIZED (
      SELECT v.log_no, v.sale, v.kind, v.order_nos, v.happened_at
      FROM event v WHERE v.log_no > v_cursor ORDER BY v.log_no LIMIT p_limit
    ), wanted AS (
      INSERT INTO webhook_delivery AS d (endpoint, order_no, log_no, sale, happened_at)
      SELECT p_endpoint, o.order_no, n.log_no, n.sale, n.happened_at
      FROM next n CROSS JOIN unnest(n.order_nos) AS o (order_no)
      -- No merchant hears of a rehearsal.
      WHERE n.kind = ANY (p_kinds) AND NOT catalog.is_rehearsal(n.sale)
      -- In a replay, a delivery that exists starts again.
      ON CONFLICT (endpoint, order_no, log_no) DO UPDATE
        SET attempts = 0, next_at = now(), last_error = NULL, given_up_at = NULL
    )
    SELECT max(n.log_no) INTO v_read FROM next n;
    UPDATE webhook_cursor c SET log_no = v_read
    WHERE c.endpoint = p_endpoint AND v_read > v_cursor;
  END IF;

  RETURN QUERY
    WITH first AS (
      SELECT DISTINCT ON (d.order_no) d.order_no, d.log_no, d.next_at,
             d.last_error IS NOT NULL AS failed
      FROM webhook_delivery d
      WHERE d.endpoint = p_endpoint AND d.given_up_at IS NULL
      ORDER BY d.order_no, d.log_no
    ), due AS MATERIALIZED (
      SELECT d.order_no, d.log_no
      FROM first f JOIN webhook_delivery d
        ON d.endpoint = p_endpoint AND d.order_no = f.order_no AND d.log_no = f.log_no
      WHERE f.next_at <= now() AND f.failed = p_failed
      ORDER BY CASE WHEN p_failed THEN f.next_at END, f.log_no, f.order_no LIMIT p_limit
      FOR UPDATE OF d SKIP LOCKED
    ), taken AS (
      UPDATE webhook_delivery d SET next_at = now() + p_lease, attempts = d.attempts + 1
      FROM due u
      WHERE d.endpoint = p_endpoint AND d.order_no = u.order_no AND d.log_no = u.log_no
        -- Look at the current row: another worker may have taken it since the snapshot.
        AND d.next_at <= now() AND d.given_up_at IS NULL
      RETURNING d.order_no, d.log_no, d.sale, d.attempts
    )
    SELECT t.log_no, t.attempts, v.event_no, v.kind, v.happened_at, t.order_no, o.request_id, o.sale,
           o.sku, o.user_id, o.units, o.amount, o.currency, o.created_at, o.pay_before, v.payment_ref,
           coalesce(p.amount, o.amount), coalesce(p.currency, o.currency)
    FROM taken t
    JOIN event v ON v.log_no = t.log_no AND v.sale = t.sale
    JOIN orders o ON o.order_no = t.order_no AND o.sale = t.sale
    LEFT JOIN payment p ON p.payment_ref = v.payment_ref AND p.sale = v.sale
    ORDER BY t.log_no, t.order_no;
END
$routine$;

ALTER FUNCTION :schema.take_webhooks OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.take_webhooks IS
  'Takes events to deliver to an endpoint now; call report_webhooks with the results';
REVOKE ALL ON FUNCTION :schema.take_webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.take_webhooks TO flashsale_worker;
