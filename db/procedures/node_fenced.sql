-- node_fenced: whether fence_node has returned for this web node. A request that it admitted and
-- that has no outcome once this is true will never be ordered.
--
-- Parameters: p_node
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
  'Whether this web node was fenced: what it admitted and has no outcome then was not taken';
REVOKE ALL ON FUNCTION :schema.node_fenced FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.node_fenced
  TO flashsale_web, flashsale_worker, flashsale_ops;
