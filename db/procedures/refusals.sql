-- refusals: returns the requests for a SKU that this server refused before the SKU existed. createSku calls
-- it for a SKU of another server, and passes the rows to refuse_requests there before it makes the SKU.
--
-- Parameters: p_sku, which this server knows already, so that no further refusals can be added
-- Result: one row for each reason, with request_ids and user_ids in the same order
-- Tables: reads refused_request of both schemas
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.refusals(p_sku text)
RETURNS TABLE (reason text, request_ids uuid[], user_ids text[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT f.reason, array_agg(f.request_id ORDER BY f.request_id),
         array_agg(f.user_id ORDER BY f.request_id)
  FROM (SELECT * FROM regular.refused_request UNION ALL SELECT * FROM hot.refused_request) f
  WHERE f.sku = p_sku GROUP BY f.reason
$routine$;

ALTER FUNCTION catalog.refusals OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.refusals IS
  'Requests that this server refused before their SKU existed';
REVOKE ALL ON FUNCTION catalog.refusals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.refusals TO flashsale_ops, flashsale_console;
