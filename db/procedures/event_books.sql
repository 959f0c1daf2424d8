-- event_books: checks that each transition of an order has exactly one event, in the outbox or in the log.
-- It compares order by order, in the SKUs whose sums differ. Part of audit; money_books checks the events of
-- refunds.
--
-- Parameters: p_skus, the SKUs to check
-- Result: as in audit; one row for each SKU and kind, with the first order numbers
-- Tables: reads orders, outbox, event, outbox_relay (orders older than log_since are left out)
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.event_books(p_skus text[])
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  since AS MATERIALIZED (SELECT r.log_since AS at FROM outbox_relay r),
  told AS (
    SELECT e.sku, e.kind, unnest(e.order_nos) AS order_no
    FROM (SELECT x.sku, x.kind, x.order_nos FROM outbox x
          WHERE x.sku = ANY (p_skus) AND x.payment_ref IS NULL
          UNION ALL
          SELECT v.sku, v.kind, v.order_nos FROM event v
          WHERE v.sku = ANY (p_skus) AND v.payment_ref IS NULL) e),
  wrong AS (
    SELECT sku, kind, order_no, d.order_no IS NOT NULL AS is_due, coalesce(e.times, 0) AS times
    FROM (SELECT o.sku, o.order_no, k.kind
          FROM orders o CROSS JOIN LATERAL (
            VALUES ('placed'), (o.status), (CASE WHEN o.was_paid THEN 'paid' END)) AS k (kind)
          WHERE o.created_at >= (SELECT s.at FROM since s) AND k.kind <> 'ordered'
            AND o.sku = ANY (p_skus)) d
    FULL JOIN (SELECT t.sku, t.order_no, t.kind, count(*) AS times FROM told t GROUP BY 1, 2, 3) e
      USING (sku, order_no, kind)
    WHERE coalesce(e.times, 0) <> (d.order_no IS NOT NULL)::int)
SELECT 'one_event', w.sku,
       format('events "%s" of orders %s', w.kind,
              array_to_string((array_agg(w.order_no ORDER BY w.order_no))[1:5], ', ')
              || CASE WHEN count(*) > 5 THEN format(' and %s more', count(*) - 5) ELSE '' END),
       count(*) FILTER (WHERE w.is_due), sum(w.times)::bigint,
       CASE WHEN NOT w.is_due THEN
              'an order or an event was changed by hand: correct the one that is wrong'
            WHEN min(w.times) = 0 THEN
              format('the event is missing: insert kind, sale, sku and order_nos into %I.outbox', current_schema())
            ELSE 'the event exists twice, with two ids: find out what wrote it and which readers acted on both'
       END
FROM wrong w
LEFT JOIN orders o ON NOT w.is_due AND o.order_no = w.order_no AND o.sku = w.sku
-- Correct: both events of an order that was paid after it had expired, and the events of an order
-- older than log_since that ended later.
WHERE w.is_due OR w.times > 1
   OR NOT coalesce((o.status = 'paid' OR o.was_paid) AND w.kind = 'expired'
                   OR o.created_at < (SELECT s.at FROM since s), false)
GROUP BY w.sku, w.kind, w.is_due, w.times > 0
$routine$;

ALTER FUNCTION :schema.event_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.event_books IS
  'Checks that each transition of the orders of some SKUs has exactly one event: part of audit';
REVOKE ALL ON FUNCTION :schema.event_books FROM PUBLIC;
