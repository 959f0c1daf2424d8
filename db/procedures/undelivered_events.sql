-- undelivered_events: returns the events of an order that are not published yet, or that a webhook endpoint has
-- not got yet. A delivered event has no row: the log has no index by order, and a scan of it would cost the
-- sale.
--
-- Parameters: p_order_no
-- Result: one row for each event that is not published, and for each one that an endpoint waits for, oldest first
--   endpoint     the endpoint; NULL if the event is not published yet
--   attempts     attempts that were begun
--   next_at      the next attempt; last_error: why the last one failed
--   given_up_at  since when there is no further attempt; NULL if there is one
-- Tables: reads outbox, which is nearly empty, webhook_cursor, webhook_delivery, event
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.undelivered_events(p_order_no bigint)
RETURNS TABLE (
  endpoint text, kind text, happened_at timestamptz, attempts int, next_at timestamptz,
  last_error text, given_up_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT u.* FROM (
    SELECT NULL::text AS endpoint, x.kind, x.happened_at, 0 AS attempts, NULL::timestamptz AS next_at,
           NULL::text AS last_error, NULL::timestamptz AS given_up_at
    FROM outbox x WHERE p_order_no = ANY (x.order_nos)
    UNION ALL
    -- One look into the index of deliveries for each endpoint.
    SELECT d.endpoint, v.kind, d.happened_at, d.attempts, d.next_at, d.last_error, d.given_up_at
    FROM webhook_cursor c
    JOIN webhook_delivery d ON d.endpoint = c.endpoint AND d.order_no = p_order_no
    JOIN event v ON v.log_no = d.log_no AND v.sale = d.sale) u
  ORDER BY u.happened_at, u.endpoint LIMIT 1000
$routine$;

ALTER FUNCTION :schema.undelivered_events OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.undelivered_events IS
  'Events of an order that are not published yet, or that a webhook endpoint has not got yet';
REVOKE ALL ON FUNCTION :schema.undelivered_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.undelivered_events TO flashsale_ops, flashsale_console;
