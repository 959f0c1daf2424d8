-- pot_books: checks the pots of this schema: their packets against their orders, their slots, the pot and the
-- commitment. Part of audit. A packet stays taken when its order is cancelled, so every order has one.
--
-- Parameters: none
-- Result: as in audit; one row for each SKU and broken rule. Sums of money are in the smallest units of the currency
-- Tables: reads catalog.sku, catalog.pot, catalog.currency, unit, orders, stock_slot
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.pot_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  pot AS MATERIALIZED (
    SELECT k.sku, k.sale, t.amount, t.packets, t.salt, t.sha256, 10 ^ c.minor_digits::numeric AS scale
    FROM catalog.sku k
    JOIN catalog.currency c ON c.currency = k.currency
    LEFT JOIN catalog.pot t ON t.sku = k.sku
    WHERE k.goods = 'amounts' AND k.schema = current_schema() AND NOT k.abroad),
  packet AS MATERIALIZED (
    SELECT u.* FROM unit u WHERE (u.sale, u.sku) IN (SELECT p.sale, p.sku FROM pot p)),
  placed AS MATERIALIZED (
    SELECT o.sku, o.order_no FROM orders o WHERE (o.sale, o.sku) IN (SELECT p.sale, p.sku FROM pot p)),
  drawn AS MATERIALIZED (
    SELECT coalesce(o.sku, d.sku) AS sku, coalesce(o.order_no, d.order_no) AS order_no,
           o.order_no IS NOT NULL AS is_placed, coalesce(d.packets, 0) AS packets
    FROM placed o
    FULL JOIN (SELECT a.sku, a.order_no, count(*) AS packets FROM packet a
               WHERE a.order_no IS NOT NULL GROUP BY 1, 2) d ON (d.sku, d.order_no) = (o.sku, o.order_no)),
  sums AS (
    SELECT p.sku, p.amount * p.scale AS amount, p.packets, p.sha256, count(a.position) AS found,
           coalesce(sum(a.amount), 0) * p.scale AS given, count(a.position) FILTER (WHERE a.order_no IS NULL) AS free,
           count(a.position) FILTER (WHERE (a.amount * p.scale >= 1 AND a.amount * p.scale % 1 = 0) IS NOT TRUE) AS odd,
           encode(sha256(convert_to(
             p.salt || E'\n' || coalesce(string_agg(a.amount || E'\n', '' ORDER BY a.position), ''), 'UTF8')), 'hex') AS hash,
           (SELECT coalesce(sum(s.remaining), 0) FROM stock_slot s WHERE s.sku = p.sku) AS units
    FROM pot p LEFT JOIN packet a ON (a.sale, a.sku) = (p.sale, p.sku)
    GROUP BY p.sku, p.amount, p.scale, p.packets, p.salt, p.sha256)

SELECT 'books', d.sku, format('orders without a packet, such as order %s', min(d.order_no)), 0::bigint, count(*),
       'set unit.order_no of a free packet, and take its unit from a slot with a movement'
FROM drawn d WHERE d.packets = 0 GROUP BY d.sku
UNION ALL
SELECT 'no_oversell', d.sku, format('packets of one order, such as order %s', min(d.order_no)), 1, max(d.packets),
       'set unit.order_no of all but one of them to NULL'
FROM drawn d WHERE d.packets > 1 GROUP BY d.sku
UNION ALL
SELECT 'books', d.sku, format('packets of orders that do not exist, such as order %s', min(d.order_no)), 0, count(*),
       'an order was deleted by hand: restore it from the backup'
FROM drawn d WHERE NOT d.is_placed GROUP BY d.sku
UNION ALL
SELECT 'books', s.sku, 'packets that are free = units that are free', s.free, s.units::bigint,
       'unit or stock_slot was changed by hand: compare the packets with orders and stock_movement'
FROM sums s WHERE s.free <> s.units
UNION ALL
SELECT 'books', s.sku, 'packets = packets of the pot', s.packets, s.found, 'restore the rows of unit from the backup'
FROM sums s WHERE s.found IS DISTINCT FROM s.packets::bigint
UNION ALL
SELECT 'books', s.sku, 'packets add up to the pot, in the smallest units', s.amount::bigint, s.given::bigint,
       'unit or pot was changed by hand: restore it from the backup'
FROM sums s WHERE s.given IS DISTINCT FROM s.amount
UNION ALL
SELECT 'books', s.sku, 'packets that are no amount of the currency', 0, s.odd,
       'unit or the currency of the SKU was changed by hand: restore it from the backup'
FROM sums s WHERE s.odd > 0
UNION ALL
SELECT 'no_lie', s.sku, 'the published hash is not that of the salt and the packets', 1, 0,
       'unit or pot was changed after the division: restore it from the backup'
FROM sums s WHERE s.hash IS DISTINCT FROM s.sha256
$routine$;

ALTER FUNCTION :schema.pot_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.pot_books IS 'Checks packets against orders, slots, pots and commitments: part of audit';
REVOKE ALL ON FUNCTION :schema.pot_books FROM PUBLIC;
