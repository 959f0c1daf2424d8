-- decided_elsewhere: returns the outcomes that the other schema has of these requests. place_orders needs
-- them for a SKU that has moved, because a request has one outcome, wherever its SKU lived when it was
-- decided. Part of place_orders.
--
-- Parameters: p_request_ids
-- Result: one row for each request that has an outcome there
-- Tables: reads outcome of the other schema
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.decided_elsewhere(p_request_ids uuid[])
RETURNS TABLE (
  request_id uuid, user_id text, status text, reason text, order_no bigint, units int
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT o.request_id, o.user_id, o.status, o.reason, o.order_no, o.units
  FROM regular.outcome o
  WHERE current_schema() = 'hot' AND o.request_id = ANY (p_request_ids)
  UNION ALL
  SELECT o.request_id, o.user_id, o.status, o.reason, o.order_no, o.units
  FROM hot.outcome o
  WHERE current_schema() = 'regular' AND o.request_id = ANY (p_request_ids)
$routine$;

ALTER FUNCTION :schema.decided_elsewhere OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.decided_elsewhere IS
  'Outcomes that the other schema has of these requests: part of place_orders';
REVOKE ALL ON FUNCTION :schema.decided_elsewhere FROM PUBLIC;
