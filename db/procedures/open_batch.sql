-- open_batch: begins the decision of a batch: takes its first locks, and tells whether it can be decided here and now.
-- Part of place_daily and place_chosen. place_orders has the same in its own text: a call of a routine would cost a
-- single order more than all of this.
--
-- Parameters: p_sku; p_nodes, the web nodes of the batch
-- Result: one row
--   answer  the status of all requests of the batch if none of them can be decided: rejected, moved or locked; otherwise
--           NULL
--   why     the reason with it, or the home to which the SKU has moved
-- Tables: reads catalog.sku_terms
-- Locks, in order: the advisory lock of the SKU, shared; that of each web node, shared, ascending. They are taken before
--   anything is read: then the SKU cannot move, and an earlier fence is seen
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.open_batch(p_sku text, p_nodes text[], OUT answer text, OUT why text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_terms catalog.sku_terms;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  PERFORM pg_advisory_xact_lock_shared(hashtext('fence ' || current_schema()), hashtext(n.node))
  FROM (SELECT DISTINCT u.node COLLATE "C" AS node FROM unnest(p_nodes) AS u (node) ORDER BY 1) n;
  SELECT t.* INTO v_terms FROM catalog.sku_terms t WHERE t.sku = p_sku;
  answer := CASE WHEN NOT FOUND THEN 'rejected'
                 WHEN v_terms.abroad OR v_terms.home <> current_schema() THEN 'moved'
                 WHEN now() < v_terms.opens_at THEN 'locked' END;
  why := CASE answer WHEN 'rejected' THEN 'unknown_sku' WHEN 'moved' THEN v_terms.home WHEN 'locked' THEN 'not_open' END;
END
$routine$;

ALTER FUNCTION :schema.open_batch OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.open_batch IS
  'Takes the first locks of a batch and tells whether it can be decided: part of place_daily and place_chosen';
REVOKE ALL ON FUNCTION :schema.open_batch FROM PUBLIC;
