-- fence_node: fences a web node. After the call has returned, no request that this web node admitted can
-- become an order any more. The quota keeper calls it before it gives the units of a dead node to others.
--
-- Parameters: p_node, the name of the web node
-- Result: true if this call fenced the node; false if it was fenced before
-- Tables: writes fenced_node
-- Locks, in order: the advisory lock of the node, exclusively: it waits for the batches and payments under
--   way that name the node; the key of the fenced_node row
-- Errors: FS001 p_node is NULL or empty

CREATE OR REPLACE FUNCTION :schema.fence_node(p_node text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  IF p_node IS NULL OR p_node = '' THEN
    RAISE EXCEPTION 'fence_node takes the name of a node' USING ERRCODE = 'FS001';
  END IF;
  PERFORM pg_advisory_xact_lock(
    hashtext('fence ' || current_schema()), hashtext(p_node COLLATE "C"));
  INSERT INTO fenced_node (node) VALUES (p_node) ON CONFLICT (node) DO NOTHING;
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION :schema.fence_node OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.fence_node IS
  'Fences a web node: after its return, no request of the node can become an order';
REVOKE ALL ON FUNCTION :schema.fence_node FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.fence_node
  TO flashsale_worker, flashsale_ops;
