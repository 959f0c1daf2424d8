-- unit_books: checks the numbered units of this schema against their orders, their slots and their sections. Part of
-- audit.
--
-- Parameters: none
-- Result: as in audit; one row for each SKU and broken rule
-- Tables: reads catalog.sku, catalog.section, unit, orders, stock_slot
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.unit_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  section AS MATERIALIZED (
    SELECT k.sku, k.sale, t.units
    FROM catalog.sku k LEFT JOIN catalog.section t ON t.sku = k.sku
    WHERE k.goods = 'numbered' AND k.schema = current_schema() AND NOT k.abroad),
  seat AS MATERIALIZED (
    SELECT u.* FROM unit u WHERE (u.sale, u.sku) IN (SELECT s.sale, s.sku FROM section s)),
  placed AS MATERIALIZED (
    SELECT o.sku, o.order_no, CASE WHEN o.status IN ('ordered', 'paid') THEN o.units ELSE 0 END AS units
    FROM orders o WHERE (o.sale, o.sku) IN (SELECT s.sale, s.sku FROM section s)),
  held AS MATERIALIZED (
    SELECT coalesce(o.sku, h.sku) AS sku, coalesce(o.order_no, h.order_no) AS order_no,
           o.order_no IS NOT NULL AS is_placed, coalesce(o.units, 0) AS due, coalesce(h.units, 0) AS units
    FROM placed o
    FULL JOIN (SELECT a.sku, a.order_no, count(*) AS units FROM seat a
               WHERE a.order_no IS NOT NULL GROUP BY 1, 2) h ON (h.sku, h.order_no) = (o.sku, o.order_no)),
  sums AS (
    SELECT s.sku, s.units, count(a.position) AS found, count(DISTINCT (a.line, a.seat)) FILTER (WHERE a.seat IS NOT NULL) AS names,
           count(a.position) FILTER (WHERE a.order_no IS NULL) AS free,
           (SELECT coalesce(sum(l.remaining), 0) FROM stock_slot l WHERE l.sku = s.sku) AS slots
    FROM section s LEFT JOIN seat a ON (a.sale, a.sku) = (s.sale, s.sku)
    GROUP BY s.sku, s.units)

SELECT 'books', h.sku, format('orders with too few numbered units, such as order %s', min(h.order_no)),
       sum(h.due)::bigint, sum(h.units)::bigint,
       'set unit.order_no of free units, and take as many from a slot with a movement'
FROM held h WHERE h.is_placed AND h.units < h.due GROUP BY h.sku
UNION ALL
SELECT 'no_oversell', h.sku, format('orders with too many numbered units, such as order %s', min(h.order_no)),
       sum(h.due)::bigint, sum(h.units)::bigint, 'set unit.order_no of those beyond the units of the order to NULL'
FROM held h WHERE h.is_placed AND h.units > h.due GROUP BY h.sku
UNION ALL
SELECT 'books', h.sku, format('numbered units of orders that do not exist, such as order %s', min(h.order_no)), 0, count(*),
       'an order was deleted by hand: restore it from the backup'
FROM held h WHERE NOT h.is_placed GROUP BY h.sku
UNION ALL
SELECT 'books', s.sku, 'numbered units that are free = units that are free', s.free, s.slots::bigint,
       'unit or stock_slot was changed by hand: compare the units with orders and stock_movement'
FROM sums s WHERE s.free <> s.slots
UNION ALL
SELECT 'books', s.sku, 'numbered units = units of the section', s.units, s.found, 'restore the rows of unit from the backup'
FROM sums s WHERE s.found IS DISTINCT FROM s.units::bigint
UNION ALL
SELECT 'no_oversell', s.sku, 'numbered units of the same name, or with none', s.found, s.names,
       'unit was changed by hand: restore it from the backup'
FROM sums s WHERE s.found <> s.names
$routine$;

ALTER FUNCTION :schema.unit_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.unit_books IS 'Checks numbered units against orders, slots and sections: part of audit';
REVOKE ALL ON FUNCTION :schema.unit_books FROM PUBLIC;
