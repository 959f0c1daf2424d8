-- placed_lately: returns what place_orders decided in the last seconds, by SKU. It reads place_call from one
-- end to the other, which has no index and keeps call_figures_keep_s: callers bound how often they ask. It
-- returns nothing while the tunable call_figures is off.
--
-- Parameters
--   p_seconds  how far back to look, 1 to 60
-- Result: for each SKU with a call in that time: the calls, their requests, and how many became orders
-- Tables: reads place_call
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.placed_lately(p_seconds int)
RETURNS TABLE (sku text, calls bigint, requests bigint, ordered bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT c.sku, count(*), sum(c.requests), sum(c.ordered)
  FROM place_call c
  WHERE c.called_at > now() - make_interval(secs => least(greatest(p_seconds, 1), 60))
  GROUP BY c.sku
$routine$;

ALTER FUNCTION :schema.placed_lately OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.placed_lately IS 'What place_orders decided in the last seconds, by SKU';
REVOKE ALL ON FUNCTION :schema.placed_lately FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.placed_lately
  TO flashsale_ops, flashsale_readonly, flashsale_console;
