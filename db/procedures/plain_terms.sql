-- plain_terms: returns the terms of a SKU with counted goods if a batch of requests for it is plain. Part of place_orders.
--
-- A batch is plain if all requests are new, in time and of different users, none can be refused without the
-- stock, and one slot has enough for all. Whether users are within the limit is not looked at.
--
-- Parameters: as in place_orders
-- Result: the row of catalog.sku_terms, or none
-- Tables: reads catalog.sku and the tables of plain_any_terms
-- Locks: none
-- Errors: none
--
-- It runs with the rights and the search_path of place_orders: PostgreSQL makes a function without settings of
-- its own part of the calling statement.

CREATE OR REPLACE FUNCTION :schema.plain_terms(
  p_sku text, p_request_ids uuid[], p_user_ids text[], p_units int[], p_nodes text[]
) RETURNS SETOF catalog.sku_terms
LANGUAGE sql STABLE
SET search_path = :schema, pg_temp
AS $routine$
  SELECT t.* FROM plain_any_terms(p_sku, p_request_ids, p_user_ids, p_units, p_nodes) t
  -- Pots and numbered units have routines of their own (place_orders dispatches by goods), daily goods too.
  WHERE NOT EXISTS (SELECT FROM catalog.sku k WHERE k.sku = p_sku AND k.goods <> 'counted')
$routine$;

-- The search_path is for the check of the body only.
ALTER FUNCTION :schema.plain_terms RESET search_path;
ALTER FUNCTION :schema.plain_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.plain_terms IS 'Returns the terms of a SKU if a batch of requests for it is plain';
REVOKE ALL ON FUNCTION :schema.plain_terms FROM PUBLIC;
