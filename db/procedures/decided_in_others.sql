-- decided_in_others: tells whether other sales of this schema, which run or closed a short time ago, have decided one of
-- these requests. Part of plain_any_terms and plain_single_terms, which call it only if there are such sales. As a part
-- of their statements it would be prepared in each call, for the partitions of all sales (docs/decisions/0081).
--
-- Parameters
--   p_sales, p_until  other sales, and until when their requests count: other_sales and other_until of catalog.sku_terms
--   p_request_ids     the requests
-- Result: true or false
-- Tables: reads outcome
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.decided_in_others(
  p_sales text[], p_until timestamptz[], p_request_ids uuid[]
) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
SET random_page_cost = 0.1
AS $routine$
BEGIN
  RETURN EXISTS (
    SELECT FROM unnest(p_sales, p_until) AS s (sale, until) CROSS JOIN LATERAL (
      SELECT FROM outcome o
      WHERE o.sale = s.sale AND o.request_id = ANY (p_request_ids) LIMIT 1) k
    WHERE s.until > now());
END
$routine$;

ALTER FUNCTION :schema.decided_in_others OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.decided_in_others IS
  'Tells whether other sales of this schema have decided one of these requests: part of place_orders';
REVOKE ALL ON FUNCTION :schema.decided_in_others FROM PUBLIC;
