-- due_sku_terms: what catalog.sku_terms has to hold. refresh_sku_terms copies it; audit compares.
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
         u.batch_requests_max, u.pick_retries, u.pick_retry_wait_us, u.call_figures
  FROM catalog.sku k
  JOIN catalog.sale s ON s.sale = k.sale
  CROSS JOIN (
    SELECT max(t.value) FILTER (WHERE t.name = 'late_grace_ms') AS late_grace_ms,
           max(t.value) FILTER (WHERE t.name = 'batch_requests_max') AS batch_requests_max,
           max(t.value) FILTER (WHERE t.name = 'pick_retries') AS pick_retries,
           max(t.value) FILTER (WHERE t.name = 'pick_retry_wait_us') AS pick_retry_wait_us,
           bool_or(t.value = 1) FILTER (WHERE t.name = 'call_figures') AS call_figures
    FROM catalog.tunable t) u
  LEFT JOIN catalog.canary n ON n.schema = k.schema
$routine$;

ALTER FUNCTION catalog.due_sku_terms OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.due_sku_terms IS
  'What catalog.sku_terms has to hold, from sku, sale, tunable and canary';
REVOKE ALL ON FUNCTION catalog.due_sku_terms FROM PUBLIC;
