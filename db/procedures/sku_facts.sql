-- sku_facts: returns what this server knows of SKUs, for a comparison with a sale file. It reads the buyers of
-- each SKU, and its orders up to the first: call it for a person, not in a loop.
--
-- Parameters
--   p_sale  all SKUs of this sale
--   p_skus  and these, whatever their sale
-- Result: one row for each SKU that this server has
--   abroad       the SKU lives on the other server
--   units_total  units loaded and restocked on this server
--   has_orders   an order of the SKU exists on this server, whatever its status
--   most_held    the most units that one user holds
-- Tables: reads catalog.home, catalog.sku, orders, buyer of both schemas; see unit_counts
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.sku_facts(p_sale text, p_skus text[])
RETURNS TABLE (
  sku text, sale text, schema text, abroad boolean, title text, price numeric, currency text,
  user_limit int, presentation jsonb, units_total bigint, has_orders boolean, most_held int
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT k.sku, k.sale, CASE k.schema WHEN 'hot' THEN catalog.hot_home(k.hot_home) ELSE k.schema END, k.abroad, k.title, k.price, k.currency, k.user_limit,
         k.presentation, coalesce(c.units_total, 0),
         EXISTS (SELECT FROM regular.orders o WHERE o.sale = k.sale AND o.sku = k.sku)
           OR EXISTS (SELECT FROM hot.orders o WHERE o.sale = k.sale AND o.sku = k.sku),
         greatest(
           (SELECT max(b.units) FROM regular.buyer b WHERE b.sale = k.sale AND b.sku = k.sku),
           (SELECT max(b.units) FROM hot.buyer b WHERE b.sale = k.sale AND b.sku = k.sku), 0)
  FROM catalog.sku k
  LEFT JOIN (SELECT u.sku, sum(u.units_total)::bigint AS units_total
             FROM (SELECT * FROM regular.unit_counts()
                   UNION ALL SELECT * FROM hot.unit_counts()) u
             GROUP BY u.sku) c ON c.sku = k.sku
  WHERE k.sale = p_sale OR k.sku = ANY (p_skus)
  ORDER BY k.sku
$routine$;

ALTER FUNCTION catalog.sku_facts OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sku_facts IS 'What this server knows of SKUs, to compare them with a sale file';
REVOKE ALL ON FUNCTION catalog.sku_facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.sku_facts TO flashsale_ops, flashsale_readonly, flashsale_console;
