-- node_fenced: tells whether fence_node has returned for this web node. If so, a request that the node
-- admitted and that has no outcome will never become an order.
--
-- Parameters: p_node, the name of the web node
-- Result: true or false
-- Tables: reads fenced_node
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.node_fenced(p_node text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT EXISTS (SELECT FROM fenced_node f WHERE f.node = p_node)
$routine$;

ALTER FUNCTION :schema.node_fenced OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.node_fenced IS
  'Whether this web node was fenced: its requests without an outcome will never become orders';
REVOKE ALL ON FUNCTION :schema.node_fenced FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.node_fenced
  TO flashsale_web, flashsale_worker, flashsale_ops;
