-- order_books: compares orders with outcomes, and with the units that buyers have. It compares order by
-- order, in the SKUs whose sums differ or that have a user beyond the limit. Part of audit.
--
-- Parameters: p_skus, the SKUs to check
-- Result: as in audit; one row for each order, outcome, request or user
-- Tables: reads catalog.sku, catalog.pot, catalog.sale, catalog.tunable, orders, outcome, buyer; for SKUs that have
--   moved, also orders of the other schema, and transfer_mark of both
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_books(p_skus text[])
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  sku AS (SELECT * FROM catalog.sku k WHERE k.schema = current_schema()),
  mine AS (SELECT o.* FROM orders o WHERE o.sku = ANY (p_skus)),
  elsewhere AS (
    SELECT o.sku, o.user_id, o.units FROM regular.orders o
    WHERE current_schema() = 'hot' AND o.status IN ('ordered', 'paid') AND o.sku = ANY (p_skus)
    UNION ALL
    SELECT o.sku, o.user_id, o.units FROM hot.orders o
    WHERE current_schema() = 'regular' AND o.status IN ('ordered', 'paid') AND o.sku = ANY (p_skus)),
  -- The buyers of a SKU that has moved are in the schema where it lives, with the units of both schemas.
  moved AS (SELECT k.sku, k.schema = current_schema() AS is_here FROM catalog.sku k
            WHERE k.moves > 0),
  user_held AS (
    SELECT u.sku, u.user_id, sum(u.units) AS units
    FROM (SELECT o.sku, o.user_id, o.units FROM mine o LEFT JOIN moved v ON v.sku = o.sku
          -- A user who drew from a pot stays at the limit, whatever becomes of the order.
          WHERE (o.status IN ('ordered', 'paid') OR o.sku IN (SELECT t.sku FROM catalog.pot t)) AND coalesce(v.is_here, true)
          UNION ALL
          SELECT e.sku, e.user_id, e.units FROM elsewhere e
          JOIN moved v ON v.sku = e.sku AND v.is_here) u
    GROUP BY 1, 2),
  -- SKUs that go between two servers. Both servers together know the units of a user: see sku_books().
  crossed AS (SELECT m.sku FROM regular.transfer_mark m UNION SELECT m.sku FROM hot.transfer_mark m)

SELECT 'one_outcome', min(o.sku), format('orders of request %s', o.request_id), 1::bigint, count(*),
       'cancel all but the order that its outcome names'
FROM orders o JOIN catalog.sale s ON s.sale = o.sale
WHERE o.request_id IN (SELECT m.request_id FROM mine m)
GROUP BY o.request_id
HAVING count(*) > 1 AND max(o.created_at)
  < min(s.closes_at) + catalog.tunable('request_memory_s') * interval '1 s'
UNION ALL
SELECT 'one_outcome', o.sku,
       format('order %s and the outcome of request %s disagree', o.order_no, o.request_id),
       o.units, coalesce(c.units, 0), 'believe the order; find out who wrote the outcome'
FROM mine o
LEFT JOIN outcome c ON c.request_id = o.request_id AND c.sale = o.sale
WHERE (c.status, c.order_no, c.sku, c.user_id, c.units)
      IS DISTINCT FROM ('ordered', o.order_no, o.sku, o.user_id, o.units)
UNION ALL
SELECT 'one_outcome', c.sku,
       format('request %s was told of order %s, which does not exist', c.request_id, c.order_no),
       c.units, 0, 'an order was deleted by hand: restore it from the backup'
FROM outcome c
LEFT JOIN orders o ON o.order_no = c.order_no AND o.sale = c.sale
WHERE c.status = 'ordered' AND o.order_no IS NULL AND c.sku = ANY (p_skus) AND c.node <> 'copied'
UNION ALL
SELECT 'user_limit', k.sku, format('units of user %s', h.user_id), k.user_limit, h.units,
       'cancel what is beyond the limit'
FROM user_held h JOIN sku k ON k.sku = h.sku
WHERE h.units > k.user_limit AND k.goods <> 'daily'
UNION ALL
SELECT 'user_limit', sku, format('units that buyer has for user %s = units of the orders', user_id),
       coalesce(h.units, 0), coalesce(b.units, 0), 'set buyer.units to the expected number'
FROM user_held h FULL JOIN (SELECT * FROM buyer a WHERE a.sku = ANY (p_skus)) b USING (sku, user_id)
WHERE coalesce(h.units, 0) <> coalesce(b.units, 0) AND sku NOT IN (SELECT x.sku FROM crossed x)
UNION ALL
SELECT 'user_limit', b.sku, format('units of user %s, orders of the other server included', b.user_id),
       k.user_limit, b.units, 'cancel what is beyond the limit'
FROM buyer b JOIN sku k ON k.sku = b.sku AND NOT k.abroad
WHERE b.units > k.user_limit AND b.sku IN (SELECT x.sku FROM crossed x) AND b.sku = ANY (p_skus)
$routine$;

ALTER FUNCTION :schema.order_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_books IS
  'Compares the orders of some SKUs with outcomes and buyers, one by one: part of audit';
REVOKE ALL ON FUNCTION :schema.order_books FROM PUBLIC;
