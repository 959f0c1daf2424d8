-- decided_in_others: tells whether other sales of this schema, which run or closed a short time ago, have decided one of
-- these requests. Part of plain_any_terms and plain_single_terms, which call it only if there are such sales. As a part
-- of their statements it would be prepared in each call (docs/decisions/0081). request_index answers for most sales, at
-- the same cost for any number of them.
--
-- Parameters
--   p_sales, p_until  other sales, and until when their requests count: other_sales and other_until of catalog.sku_terms
--   p_request_ids     the requests
-- Result: true or false. An entry of request_index counts even if its sale is the own one or no longer counts: then
--   the batch is not plain, and judge_requests looks exactly
-- Tables: reads request_index, outcome
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.decided_in_others(
  p_sales text[], p_until timestamptz[], p_request_ids uuid[]
) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $routine$
DECLARE
  v_sale  text;
BEGIN
  IF EXISTS (SELECT FROM request_index i WHERE i.request_id = ANY (p_request_ids)) THEN RETURN true; END IF;
  FOR v_at IN 1 .. coalesce(cardinality(p_sales), 0) LOOP
    CONTINUE WHEN p_until[v_at] <= now();
    v_sale := p_sales[v_at];
    IF EXISTS (SELECT FROM outcome o WHERE o.sale = v_sale AND o.request_id = ANY (p_request_ids)) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$routine$;

ALTER FUNCTION :schema.decided_in_others OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.decided_in_others IS
  'Tells whether other sales of this schema have decided one of these requests: part of place_orders';
REVOKE ALL ON FUNCTION :schema.decided_in_others FROM PUBLIC;
