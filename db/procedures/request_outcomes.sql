-- request_outcomes: returns what became of requests. The status of an ordered request is that of its order.
--
-- Parameters: p_request_ids
-- Result: one row for each request that is decided in this schema, none for any other
--   status  ordered, paid, cancelled, expired, sold_out, limit_reached, closed or rejected
--   sale    '' for a request of refused_request, which belongs to no sale. If its id was used again for
--           another purchase later, the row is that of the other purchase
--   refund  as order_refund returns it for the order
-- Tables: reads outcome, orders, refused_request, and the tables of order_refund
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.request_outcomes(p_request_ids uuid[])
RETURNS TABLE (
  request_id uuid, user_id text, sale text, sku text, units int, status text, reason text,
  order_no bigint, amount numeric, currency text, pay_before timestamptz, decided_at timestamptz,
  refund json
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
-- A new plan for all partitions costs more than the look into them (one id: 0.38 -> 0.13 ms a call). A plan
-- made while they are empty must use their indexes when they are full (docs/decisions/0085).
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $routine$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT c.request_id, c.user_id, c.sale, c.sku, c.units, coalesce(o.status, c.status),
         coalesce(o.reason, c.reason),
         c.order_no, o.amount, o.currency, o.pay_before, c.decided_at,
         order_refund(o.order_no, o.sale, o.amount, o.currency)
  FROM outcome c
  -- An order for each outcome: a plan that is made early must not read all orders instead.
  LEFT JOIN LATERAL (
    SELECT * FROM orders r WHERE r.order_no = c.order_no AND r.sale = c.sale LIMIT 1) o ON true
  WHERE c.request_id = ANY (p_request_ids) AND c.node <> 'copied'
  UNION ALL
  SELECT f.request_id, f.user_id, '', f.sku, 0, 'rejected', f.reason, NULL, NULL, NULL, NULL,
         f.refused_at, NULL
  FROM refused_request f
  WHERE f.request_id = ANY (p_request_ids)
    AND NOT EXISTS (SELECT FROM outcome k
                    WHERE k.request_id = f.request_id AND k.request_id = ANY (p_request_ids));
END
$routine$;

ALTER FUNCTION :schema.request_outcomes OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.request_outcomes IS
  'What became of requests; a request that is not decided has no row';
REVOKE ALL ON FUNCTION :schema.request_outcomes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.request_outcomes
  TO flashsale_web, flashsale_worker, flashsale_ops;
