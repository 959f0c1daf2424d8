-- user_refusals: returns requests of a user that became no order, for customer service. Outcomes have no index by
-- user, because each order would pay for it. So this reads the outcomes of recent sales, and as a person asks
-- for it, it does so with one process and within a limit.
--
-- Parameters
--   p_user_id    the user
--   p_bytes_max  the most that is read; the sales that closed or close last come first. A million outcomes
--                have 180 MB, and take 0.2 s
-- Result: one row for each request, the newest first, at most 20, as in request_facts. Sales that closed more
--   than 7 days ago, and sales beyond the limit, are left out
-- Tables: reads catalog.sale, outcome, refused_request
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.user_refusals(p_user_id text, p_bytes_max bigint)
RETURNS TABLE (request_id uuid, sku text, status text, reason text, decided_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET max_parallel_workers_per_gather = 0
AS $routine$
#variable_conflict use_column
DECLARE
  v_sales text[];
BEGIN
  SELECT array_agg(r.sale) INTO v_sales
  FROM (
    SELECT k.sale, sum(coalesce(pg_relation_size(coalesce(
             -- Versions before the notation with brackets made the second name.
             to_regclass(format('%I.%I', current_schema(), 'outcome(' || k.sale || ')')),
             to_regclass(format('%I.%I', current_schema(), 'outcome_' || k.sale)))), 0))
             OVER (ORDER BY k.closes_at DESC, k.sale) AS bytes
    FROM catalog.sale k WHERE k.closes_at > now() - interval '7 days') r
  WHERE r.bytes <= p_bytes_max;
  RETURN QUERY
    SELECT c.request_id, c.sku, c.status, c.reason, c.decided_at
    FROM outcome c
    WHERE c.sale = ANY (v_sales) AND c.user_id = p_user_id AND c.status <> 'ordered'
      AND c.node <> 'copied'
    UNION ALL
    SELECT f.request_id, f.sku, 'rejected', f.reason, f.refused_at
    FROM refused_request f
    WHERE f.user_id = p_user_id
      AND NOT EXISTS (SELECT FROM outcome o WHERE o.request_id = f.request_id)
    ORDER BY 5 DESC LIMIT 20;
END
$routine$;

ALTER FUNCTION :schema.user_refusals OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.user_refusals IS
  'Requests of a user that became no order, of recent sales; reads them all, up to a limit';
REVOKE ALL ON FUNCTION :schema.user_refusals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.user_refusals TO flashsale_ops, flashsale_console;
