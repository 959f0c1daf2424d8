-- plain_single_terms: plain_terms for a single request, without arrays. Part of place_orders.
--
-- Parameters: the request as in place_orders, and p_request_ids, which has only its id
-- Result: the row of catalog.sku_terms, or none
-- Tables: reads catalog.sku and the tables of plain_any_terms
-- Locks: none
-- Errors: none
--
-- It runs with the rights and the search_path of the caller: PostgreSQL makes a function without settings of
-- its own part of the calling statement.

CREATE OR REPLACE FUNCTION :schema.plain_single_terms(
  p_sku text, p_request_ids uuid[], p_units int, p_node text
) RETURNS SETOF catalog.sku_terms
LANGUAGE sql STABLE
SET search_path = :schema, pg_temp
AS $routine$
  SELECT t.* FROM catalog.sku_terms t
  WHERE t.sku = p_sku AND t.home = current_schema() AND NOT t.abroad AND t.state <> 'closed'
    AND now() BETWEEN t.opens_at AND t.late_until
    AND p_units BETWEEN 1 AND t.user_limit
    AND NOT EXISTS (SELECT FROM outcome o WHERE o.sale = catalog.sale_of_sku(p_sku) AND o.request_id = p_request_ids[1])
    AND ((t.others_until > now()) IS NOT TRUE
         OR NOT decided_in_others(t.other_sales, t.other_until, p_request_ids))
    AND NOT EXISTS (SELECT FROM fenced_node f WHERE f.node = p_node)
    AND (NOT t.moved OR NOT EXISTS (SELECT FROM decided_elsewhere(p_request_ids)))
    -- The last one first, as in current_slots, whose condition would cost more here than the look.
    AND EXISTS (SELECT FROM (SELECT l.remaining FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC) l
                WHERE l.remaining >= p_units)
    AND NOT EXISTS (SELECT FROM catalog.sku k WHERE k.sku = p_sku AND k.goods <> 'counted')
$routine$;

-- The search_path is for the check of the body only.
ALTER FUNCTION :schema.plain_single_terms RESET search_path;
ALTER FUNCTION :schema.plain_single_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.plain_single_terms IS 'plain_terms for a single request';
REVOKE ALL ON FUNCTION :schema.plain_single_terms FROM PUBLIC;
