-- order_sums: sums the orders of this schema by sale, SKU and status, in one pass. Part of audit.
--
-- Parameters: none
-- Result: one row for each sale, SKU, status, was_paid, is_logged and is_priced
--   was_paid         true if the orders were paid when the shop cancelled them
--   is_logged        true if the orders were placed since the log has all events
--   is_priced        true if the orders cost something
--   orders, units    the number of orders, and their units
--   first_at         when the first of the orders was placed
--   overdue          the number of orders whose payment window ended more than overdue_alarm_ms ago; it says
--                    something about unpaid orders only
--   foreign_numbers  the number of orders with a number of another home (home_of_order)
--   numbers          the sum of hashes of the order numbers
--   entries          the sum of hashes of the columns that order and outcome share
--   users            the sum of hashes of the users, times their units (32 bits of hash: the product fits)
-- Tables: reads orders, outbox_relay, catalog.tunable, catalog.home
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.order_sums()
RETURNS TABLE (
  sale text, sku text, status text, was_paid boolean, is_logged boolean, is_priced boolean, orders bigint,
  units bigint, first_at timestamptz, overdue bigint, foreign_numbers bigint, numbers numeric, entries numeric,
  users numeric
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH since AS MATERIALIZED (
  SELECT r.log_since AS logged,
         now() - catalog.tunable('overdue_alarm_ms') * interval '1 ms' AS overdue,
         (SELECT h.number FROM catalog.home h
          WHERE h.here AND (h.name = 'regular') = (current_schema() = 'regular')) AS home
  FROM outbox_relay r)
SELECT o.sale, o.sku, o.status, o.was_paid,
       o.created_at >= (SELECT s.logged FROM since s) AS is_logged,
       o.amount > 0 AS is_priced,
       count(*) AS orders, sum(o.units) AS units, min(o.created_at) AS first_at,
       count(*) FILTER (WHERE o.pay_before < (SELECT s.overdue FROM since s)) AS overdue,
       count(*) FILTER (
         WHERE CASE WHEN o.order_no < 1000000000 THEN 2 - o.order_no % 2 ELSE o.order_no % 1000 END
           <> (SELECT s.home FROM since s)) AS foreign_numbers,
       sum(hashint8extended(o.order_no, 0)) AS numbers,
       sum(hashint8extended(o.order_no, uuid_hash_extended(
         o.request_id, hashtextextended(o.user_id, o.units)))) AS entries,
       sum((hashtextextended(o.user_id, 0) >> 32) * o.units) AS users
FROM orders o GROUP BY 1, 2, 3, 4, 5, 6
$routine$;

ALTER FUNCTION :schema.order_sums OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.order_sums IS
  'Sums the orders by sale, SKU and status: part of audit';
REVOKE ALL ON FUNCTION :schema.order_sums FROM PUBLIC;
