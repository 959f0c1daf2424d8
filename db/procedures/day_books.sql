-- day_books: checks the days and streaks of daily SKUs. Part of audit.
--
-- Parameters: none
-- Result: as in audit; one row for each SKU and broken rule, with an example
-- Tables: reads catalog.sku, orders, buyer
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.day_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  daily AS MATERIALIZED (
    SELECT k.sku, k.sale FROM catalog.sku k WHERE k.goods = 'daily' AND k.schema = current_schema()),
  -- Days of a user in a row have the same difference from their rank.
  sign_in AS MATERIALIZED (
    SELECT o.sku, o.user_id, o.order_no, o.day, o.streak,
           row_number() OVER (PARTITION BY o.sku, o.user_id, o.day - n.rank ORDER BY o.day) AS due,
           count(*) OVER (PARTITION BY o.sku, o.user_id, o.day) AS orders
    FROM (SELECT p.*, dense_rank() OVER (PARTITION BY p.sku, p.user_id ORDER BY p.day)::int AS rank
          FROM orders p WHERE (p.sale, p.sku) IN (SELECT d.sale, d.sku FROM daily d)) o
    CROSS JOIN LATERAL (SELECT o.rank) n),
  last AS (
    SELECT DISTINCT ON (s.sku, s.user_id) s.sku, s.user_id, s.day, s.streak
    FROM sign_in s ORDER BY s.sku, s.user_id, s.day DESC),
  kept AS (SELECT b.sku, b.user_id, b.last_day, b.streak FROM buyer b
           WHERE (b.sale, b.sku) IN (SELECT d.sale, d.sku FROM daily d) AND b.last_day IS NOT NULL)

SELECT 'user_limit', s.sku, format('orders of one user and day, such as order %s', max(s.order_no)),
       1::bigint, max(s.orders), 'cancel all but the first order of the day'
FROM sign_in s WHERE s.orders > 1 GROUP BY s.sku
UNION ALL
SELECT 'books', s.sku, format('orders without their day, such as order %s', min(s.order_no)), 0, count(*),
       'set orders.day and streak from created_at'
FROM sign_in s WHERE s.day IS NULL GROUP BY s.sku
UNION ALL
SELECT 'no_lie', s.sku, format('streaks that the days before do not bear out, such as that of order %s',
                               min(s.order_no)), min(s.due), min(s.streak),
       'set orders.streak and buyer.streak to the days in a row'
FROM sign_in s WHERE s.orders = 1 AND s.streak <> s.due GROUP BY s.sku
UNION ALL
SELECT 'user_limit', sku, format('last days of users that differ from their orders, such as of user %s',
                                 min(user_id)), 0, count(*),
       'set buyer.last_day and streak to those of the user''s latest order'
FROM last l FULL JOIN kept k USING (sku, user_id)
WHERE (l.day, l.streak) IS DISTINCT FROM (k.last_day, k.streak) GROUP BY sku
$routine$;

ALTER FUNCTION :schema.day_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.day_books IS 'Checks the days and streaks of daily SKUs: part of audit';
REVOKE ALL ON FUNCTION :schema.day_books FROM PUBLIC;
