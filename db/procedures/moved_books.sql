-- moved_books: checks SKUs that have moved between the schemas or between two servers: their requests,
-- units and transfers. Part of audit.
--
-- Parameters: none
-- Result: as in audit; one row for each SKU, order or request
-- Tables: reads catalog.home, catalog.sku, catalog.tunable, stock_slot; orders, outcome, stock_movement, transfer and
--   transfer_mark of both schemas
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.moved_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  moved AS MATERIALIZED (SELECT k.sku, k.sale FROM catalog.sku k WHERE k.moves > 0),
  crossed AS MATERIALIZED (
    SELECT m.sku FROM regular.transfer_mark m UNION SELECT m.sku FROM hot.transfer_mark m),
  elsewhere AS (
    SELECT o.request_id, o.order_no FROM regular.orders o
    WHERE current_schema() = 'hot' AND o.status IN ('ordered', 'paid')
      AND o.sale = ANY (ARRAY(SELECT v.sale FROM moved v))
      AND o.sku = ANY (ARRAY(SELECT v.sku FROM moved v))
    UNION ALL
    SELECT o.request_id, o.order_no FROM hot.orders o
    WHERE current_schema() = 'regular' AND o.status IN ('ordered', 'paid')
      AND o.sale = ANY (ARRAY(SELECT v.sale FROM moved v))
      AND o.sku = ANY (ARRAY(SELECT v.sku FROM moved v)))

SELECT 'one_outcome', o.sku, format('order %s and order %s of the other schema are of request %s',
                                    o.order_no, e.order_no, o.request_id), 1, 2,
       'cancel the later one'
FROM orders o JOIN elsewhere e ON e.request_id = o.request_id
WHERE EXISTS (SELECT FROM moved) AND o.status IN ('ordered', 'paid')
  AND o.sku IN (SELECT v.sku FROM moved v)
UNION ALL
SELECT 'one_outcome', c.sku, format('request %s was decided in both schemas', c.request_id), 1, 2,
       'believe the older outcome; cancel the order of the other one'
FROM outcome c
JOIN (SELECT r.request_id, r.sale, r.sku, r.node FROM regular.outcome r WHERE current_schema() = 'hot'
      UNION ALL
      SELECT h.request_id, h.sale, h.sku, h.node FROM hot.outcome h WHERE current_schema() = 'regular') e
  ON e.request_id = c.request_id AND e.sale = c.sale
-- A copy is no decision of this home (copy_in). A shopper may have used one key for SKUs of two homes, and a copy then
-- says nothing of the other SKU.
WHERE EXISTS (SELECT FROM crossed) AND c.sku IN (SELECT x.sku FROM crossed x)
  AND c.node <> 'copied' AND (e.node <> 'copied' OR e.sku = c.sku)
UNION ALL
SELECT 'books', m.sku, 'moves of both schemas, and units sent less units applied, add up to 0', 0,
       sum(m.units)::bigint, 'find the move in stock_movement of both that does not add up'
FROM (SELECT a.sku, a.units FROM regular.stock_movement a WHERE a.kind = 'move'
      UNION ALL SELECT a.sku, a.units FROM hot.stock_movement a WHERE a.kind = 'move'
      UNION ALL SELECT a.sku, a.units_sent - a.units_applied FROM regular.transfer_mark a
      UNION ALL SELECT a.sku, a.units_sent - a.units_applied FROM hot.transfer_mark a) m
GROUP BY m.sku HAVING sum(m.units) <> 0
UNION ALL
SELECT 'no_undersell', t.sku,
       format('a transfer to the other server has waited since %s', min(t.sent_at)::timestamptz(0)),
       0, count(*), format('start a worker; or: npx flashsale db move-sku %s %s', t.sku,
                         CASE k.schema WHEN 'hot' THEN catalog.hot_home(k.hot_home) ELSE k.schema END)
FROM (SELECT r.* FROM regular.transfer r WHERE current_schema() = 'hot'
      UNION ALL SELECT h.* FROM hot.transfer h WHERE current_schema() = 'regular') t
JOIN catalog.sku k ON k.sku = t.sku
WHERE t.done_at IS NULL
GROUP BY t.sku, k.schema, k.hot_home
HAVING min(t.sent_at) < now() - (SELECT u.value FROM catalog.tunable u
                                 WHERE u.name = 'transfer_alarm_ms') * interval '1 ms'
UNION ALL
SELECT 'no_undersell', s.sku, 'units in slots of a schema that the SKU does not live in', 0,
       sum(s.remaining)::bigint, 'nobody can buy them: move_sku to this schema and back'
FROM stock_slot s LEFT JOIN catalog.sku k ON k.sku = s.sku AND k.schema = current_schema()
WHERE k.sku IS NULL AND s.remaining > 0 GROUP BY s.sku
$routine$;

ALTER FUNCTION :schema.moved_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.moved_books IS
  'Checks requests, units and transfers of SKUs that have moved: part of audit';
REVOKE ALL ON FUNCTION :schema.moved_books FROM PUBLIC;
