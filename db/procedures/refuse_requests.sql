-- refuse_requests: ends the requests of a dead letter as rejected. A request that has an outcome keeps it.
--
-- Parameters: NULL is not allowed
--   p_sku          the SKU of the requests, or the text in its place; the SKU need not exist
--   p_request_ids  the requests; each of the next two arrays has as many entries
--   p_user_ids     the user of the request
--   p_nodes        the web node that admitted the request
--   p_reason       what the shopper is told, such as refused_by_operator
-- Result: one row for each request, with the columns of place_orders: its outcome, or
--   moved  the SKU lives in the schema that the reason names: call refuse_requests there
-- Tables: reads catalog.sku, and for a SKU that has moved outcome of the other schema; writes outcome. If
--   the SKU does not exist, writes refused_request: keep_refusals makes outcomes of these rows when the
--   SKU is made
-- Locks, in order: the advisory lock of the SKU, shared; outcome keys, ascending by request id. It waits for
--   a batch that is deciding one of the requests
-- Errors: FS001 malformed arguments

CREATE OR REPLACE FUNCTION :schema.refuse_requests(
  p_sku         text,
  p_request_ids uuid[],
  p_user_ids    text[],
  p_nodes       text[],
  p_reason      text
) RETURNS TABLE (request_id uuid, status text, reason text, order_no bigint, units int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_sale  text;
  v_home  text;
  v_moved boolean;
  v_abroad boolean;
BEGIN
  IF p_sku IS NULL OR p_request_ids IS NULL OR coalesce(p_reason, '') = ''
     OR (cardinality(p_user_ids), cardinality(p_nodes))
        IS DISTINCT FROM (cardinality(p_request_ids), cardinality(p_request_ids))
     OR array_position(p_request_ids, NULL) > 0 OR array_position(p_user_ids, NULL) > 0
     OR array_position(p_nodes, NULL) > 0 THEN
    RAISE EXCEPTION 'refuse_requests takes three arrays of the same length, and a reason'
      USING ERRCODE = 'FS001';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  SELECT k.sale, k.schema, k.moves > 0, k.abroad INTO v_sale, v_home, v_moved, v_abroad
  FROM catalog.sku k WHERE k.sku = p_sku;
  IF v_abroad OR v_home <> current_schema() THEN
    RETURN QUERY SELECT r.id, 'moved', v_home, NULL::bigint, 0 FROM unnest(p_request_ids) AS r (id);
    RETURN;
  END IF;

  -- The key makes this wait for a batch that is deciding one of the requests. The first to write wins.
  IF v_home IS NULL THEN
    INSERT INTO refused_request (request_id, sku, user_id, reason)
    SELECT r.id, p_sku, r.user_id, p_reason
    FROM unnest(p_request_ids, p_user_ids) AS r (id, user_id)
    WHERE NOT EXISTS (SELECT FROM outcome o WHERE o.request_id = r.id)
    ORDER BY r.id
    ON CONFLICT (request_id) DO NOTHING;
  ELSE
    INSERT INTO outcome (request_id, sale, sku, user_id, node, status, reason, units)
    SELECT r.id, v_sale, p_sku, r.user_id, r.node, 'rejected', p_reason, 0
    FROM unnest(p_request_ids, p_user_ids, p_nodes) AS r (id, user_id, node)
    WHERE NOT EXISTS (SELECT FROM outcome o WHERE o.request_id = r.id)
      AND NOT EXISTS (SELECT FROM refused_request f WHERE f.request_id = r.id)
      AND NOT (v_moved AND EXISTS (
        SELECT FROM decided_elsewhere(p_request_ids) d WHERE d.request_id = r.id))
    ORDER BY r.id
    ON CONFLICT (request_id, sale) DO NOTHING;
  END IF;
  -- A separate statement sees what another session committed while the INSERT waited. A request may have several rows:
  -- the outcome counts that place_orders would return. A refusal from before the SKU was made stays on the server of
  -- regular, also if the SKU was made on another one.
  RETURN QUERY
    SELECT DISTINCT ON (a.id) a.id, a.status, a.reason, a.order_no, a.units
    FROM (
      SELECT o.request_id, o.status, o.reason, o.order_no, o.units, CASE WHEN o.sale = v_sale THEN 1 ELSE 2 END
      FROM outcome o WHERE o.request_id = ANY (p_request_ids)
      UNION ALL
      SELECT d.request_id, d.status, d.reason, d.order_no, d.units, 3
      FROM decided_elsewhere(p_request_ids) d WHERE v_moved
      UNION ALL
      SELECT f.request_id, 'rejected', f.reason, NULL, 0, 4
      FROM refused_request f WHERE f.request_id = ANY (p_request_ids)
    ) AS a (id, status, reason, order_no, units, place)
    ORDER BY a.id, a.place;
END
$routine$;

ALTER FUNCTION :schema.refuse_requests OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.refuse_requests IS
  'Ends the requests of a dead letter as rejected; a request that has an outcome keeps it';
REVOKE ALL ON FUNCTION :schema.refuse_requests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.refuse_requests
  TO flashsale_worker, flashsale_ops, flashsale_console;
