-- due_sku_terms: computes the rows that catalog.sku_terms must have. refresh_sku_terms copies them; audit
-- compares them.
--
-- Parameters: none
-- Result: one row for each SKU
-- Tables: reads catalog.sku, catalog.sale, catalog.tunable, catalog.canary
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.due_sku_terms() RETURNS SETOF catalog.sku_terms
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT k.sku, k.sale, k.schema, k.abroad, k.moves > 0, k.price, k.currency, k.user_limit, k.state,
         s.opens_at, s.closes_at + u.late_grace_ms * interval '1 ms', s.pay_window,
         n.routine, coalesce(k.sku = ANY (n.skus), false), coalesce(n.share, 0),
         u.batch_requests_max, u.pick_retries, u.pick_retry_wait_us, u.call_figures,
         o.sales, o.until, o.last
  FROM catalog.sku k
  JOIN catalog.sale s ON s.sale = k.sale
  CROSS JOIN (
    SELECT max(t.value) FILTER (WHERE t.name = 'late_grace_ms') AS late_grace_ms,
           max(t.value) FILTER (WHERE t.name = 'batch_requests_max') AS batch_requests_max,
           max(t.value) FILTER (WHERE t.name = 'pick_retries') AS pick_retries,
           max(t.value) FILTER (WHERE t.name = 'pick_retry_wait_us') AS pick_retry_wait_us,
           bool_or(t.value = 1) FILTER (WHERE t.name = 'call_figures') AS call_figures,
           max(t.value) FILTER (WHERE t.name = 'request_memory_s') AS request_memory_s
    FROM catalog.tunable t) u
  CROSS JOIN LATERAL (
    SELECT array_agg(e.sale ORDER BY e.sale) FILTER (WHERE NOT e.has_request_index) AS sales,
           array_agg(e.closes_at + u.request_memory_s * interval '1 s' ORDER BY e.sale)
             FILTER (WHERE NOT e.has_request_index) AS until,
           max(e.closes_at) + u.request_memory_s * interval '1 s' AS last
    FROM catalog.sale e
    WHERE e.sale <> k.sale AND EXISTS (SELECT FROM catalog.sku x WHERE x.sale = e.sale)) o
  LEFT JOIN catalog.canary n ON n.schema = k.schema
$routine$;

ALTER FUNCTION catalog.due_sku_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.due_sku_terms IS
  'Computes the rows that catalog.sku_terms must have, from sku, sale, tunable and canary';
REVOKE ALL ON FUNCTION catalog.due_sku_terms FROM PUBLIC;
