-- judge_requests: answers requests as far as no look at the stock is needed. Requests that were decided
-- before get their recorded outcome. Others get a refusal if it does not depend on the stock. Part of
-- place_mixed_batch.
--
-- Parameters
--   p_terms  the terms of the SKU that place_orders has read
--   p_request_ids, p_user_ids, p_units, p_nodes  as in place_orders
-- Result: one row for each request
--   at        the position of the request
--   first_at  the position at which the same request id came first
--   is_known  true if the request id has an outcome
--   status, reason, order_no, units  the answer; status is NULL if the request is still to be decided
-- Tables: reads outcome, fenced_node, and if there are other sales request_index, catalog.sale, catalog.tunable; for a
--   SKU that has moved, also outcome of the other schema
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.judge_requests(
  p_terms catalog.sku_terms, p_request_ids uuid[], p_user_ids text[], p_units int[], p_nodes text[]
) RETURNS TABLE (
  at int, first_at int, is_known boolean, status text, reason text, order_no bigint, units int
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_sales text[] := ARRAY[p_terms.sale];  -- the sales to look in
  v_sale  text;
  v_known outcome[];
BEGIN
  -- 1. Collect the outcomes that the requests have, sale by sale: so the tables of no other sale are opened.
  IF p_terms.others_until > now() THEN
    v_sales := v_sales
      || ARRAY(SELECT s.sale FROM unnest(p_terms.other_sales, p_terms.other_until) AS s (sale, until)
               WHERE s.until > now())
      || ARRAY(SELECT DISTINCT i.sale
               FROM request_index i JOIN catalog.sale e ON e.sale = i.sale
               WHERE i.request_id = ANY (p_request_ids) AND i.sale <> p_terms.sale
                 AND e.closes_at + catalog.tunable('request_memory_s') * interval '1 s' > now());
  END IF;
  FOREACH v_sale IN ARRAY v_sales LOOP
    v_known := v_known || ARRAY(
      SELECT o FROM outcome o WHERE o.sale = v_sale AND o.request_id = ANY (p_request_ids));
  END LOOP;

  -- 2. Judge each request.
  RETURN QUERY
  WITH known AS MATERIALIZED (
    -- An id that two sales have decided has the outcome of its own sale here.
    SELECT DISTINCT ON (k.request_id) k.*
    FROM (SELECT o.request_id, o.user_id, o.status, o.reason, o.order_no, o.units, o.sale = p_terms.sale AS is_own
          FROM unnest(v_known) o
          UNION ALL
          -- Outcomes that the other schema recorded before the SKU moved here. It decides no more requests.
          SELECT d.*, false FROM decided_elsewhere(p_request_ids) d WHERE p_terms.moved) k
    ORDER BY k.request_id, k.is_own DESC
  )
  SELECT r.at::int AS at, min(r.at) OVER (PARTITION BY r.id)::int AS first_at,
         k.user_id IS NOT NULL AS is_known,
         CASE WHEN k.user_id = r.user_id THEN k.status
              WHEN k.user_id IS NOT NULL OR f.node IS NOT NULL THEN 'rejected'
              WHEN p_terms.state = 'closed' OR now() > p_terms.late_until THEN 'closed'
              WHEN r.wanted < 1 THEN 'rejected'
              WHEN r.wanted > p_terms.user_limit THEN 'limit_reached' END AS status,
         CASE WHEN k.user_id = r.user_id THEN k.reason
              WHEN k.user_id IS NOT NULL THEN 'request_id_taken'
              WHEN f.node IS NOT NULL THEN 'node_fenced'
              WHEN p_terms.state = 'closed' OR now() > p_terms.late_until THEN NULL
              WHEN r.wanted < 1 THEN 'bad_units' END AS reason,
         CASE WHEN k.user_id = r.user_id THEN k.order_no END AS order_no,
         CASE WHEN k.user_id = r.user_id THEN k.units ELSE 0 END AS units
  FROM unnest(p_request_ids, p_user_ids, p_units, p_nodes) WITH ORDINALITY
    AS r (id, user_id, wanted, node, at)
  LEFT JOIN known k ON k.request_id = r.id
  LEFT JOIN fenced_node f ON f.node = r.node;
END
$routine$;

ALTER FUNCTION :schema.judge_requests OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.judge_requests IS
  'Recorded outcomes, and refusals that do not depend on the stock: part of place_mixed_batch';
REVOKE ALL ON FUNCTION :schema.judge_requests FROM PUBLIC;
