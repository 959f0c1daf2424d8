-- plain_any_terms: plain_terms for goods of any kind. Part of plain_terms and place_numbered.
--
-- Parameters: as in place_orders
-- Result: the row of catalog.sku_terms, or none
-- Tables: reads catalog.sku_terms, outcome, fenced_node, stock_slot, and for a SKU that has moved orders and
--   outcome of the other schema
-- Locks: none
-- Errors: none
--
-- It runs with the rights and the search_path of the caller: PostgreSQL makes a function without settings of
-- its own part of the calling statement.

CREATE OR REPLACE FUNCTION :schema.plain_any_terms(
  p_sku text, p_request_ids uuid[], p_user_ids text[], p_units int[], p_nodes text[]
) RETURNS SETOF catalog.sku_terms
LANGUAGE sql STABLE
SET search_path = :schema, pg_temp
AS $routine$
  SELECT t.* FROM catalog.sku_terms t
  WHERE t.sku = p_sku AND t.home = current_schema() AND NOT t.abroad AND t.state <> 'closed'
    AND now() BETWEEN t.opens_at AND t.late_until
    AND 1 <= ALL (p_units) AND t.user_limit >= ALL (p_units)
    AND (cardinality(p_request_ids) = 1 OR (
      SELECT count(DISTINCT r.id) = cardinality(p_request_ids)
             AND count(DISTINCT r.user_id COLLATE "C") = cardinality(p_request_ids)
      FROM unnest(p_request_ids, p_user_ids) AS r (id, user_id)))
    AND NOT EXISTS (SELECT FROM outcome o
                    WHERE o.sale = catalog.sale_of_sku(p_sku) AND o.request_id = ANY (p_request_ids))
    AND ((t.others_until > now()) IS NOT TRUE
         OR NOT decided_in_others(t.other_sales, t.other_until, p_request_ids))
    AND NOT EXISTS (SELECT FROM fenced_node f WHERE f.node = ANY (p_nodes))
    AND (NOT t.moved OR NOT EXISTS (SELECT FROM decided_elsewhere(p_request_ids)))
    -- The last one first, as in current_slots, whose condition would cost more here than the look.
    AND EXISTS (SELECT FROM (SELECT l.remaining FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC) l
                WHERE l.remaining >= (SELECT sum(u.units) FROM unnest(p_units) AS u (units)))
$routine$;

-- The search_path is for the check of the body only.
ALTER FUNCTION :schema.plain_any_terms RESET search_path;
ALTER FUNCTION :schema.plain_any_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.plain_any_terms IS 'plain_terms for goods of any kind';
REVOKE ALL ON FUNCTION :schema.plain_any_terms FROM PUBLIC;
