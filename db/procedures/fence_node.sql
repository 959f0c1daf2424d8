-- fence_node: from its return on, no request of this web node can be ordered any more. The quota
-- keeper calls it before it gives the rights of a dead node to others.
--
-- Parameters: p_node
-- Result: true if it was fenced by this call, false if it was before
-- Tables: writes fenced_node
-- Locks: the advisory lock of the node, exclusively: waits for the batches with a request of it
-- Errors: FS001 no name

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
  'From its return on, no request of this web node can be ordered';
REVOKE ALL ON FUNCTION :schema.fence_node FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.fence_node
  TO flashsale_worker, flashsale_ops;
