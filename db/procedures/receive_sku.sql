-- receive_sku: makes this schema the home of a SKU that the other server sent. Part of apply_transfers, which
-- holds the locks and has checked that buyers and outcomes are copied.
--
-- Parameters
--   p_sku    the SKU
--   p_units  its free units
--   p_body   the body that send_sku_to wrote: slots, state, line_open, moves, unpaid_until, line (the waitlist)
-- Result: none
-- Tables: writes catalog.sku, stock_slot, stock_movement, waiting, transfer_mark
-- Locks: none of its own
-- Errors: FS002 no such SKU here: call adopt_sku first

CREATE OR REPLACE FUNCTION :schema.receive_sku(p_sku text, p_units bigint, p_body jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sale text;
BEGIN
  UPDATE catalog.sku k
  SET schema = current_schema(), abroad = false,
      state = CASE WHEN s.called_off_at IS NULL THEN p_body->>'state' ELSE 'closed' END,
      line_open = coalesce((p_body->>'line_open')::boolean, k.line_open),
      moves = (p_body->>'moves')::int, moved_at = now()
  FROM catalog.sale s
  WHERE k.sku = p_sku AND s.sale = k.sale RETURNING k.sale INTO v_sale;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  PERFORM fill_slots(v_sale, p_sku, p_units, (p_body->>'slots')::int, 'move');
  INSERT INTO waiting SELECT w.* FROM jsonb_populate_recordset(NULL::waiting, p_body->'line') w;
  -- A slow copier must not overwrite rows that are in use now.
  UPDATE transfer_mark m
  SET copier = NULL, unpaid_until = (p_body->>'unpaid_until')::timestamptz
  WHERE m.sku = p_sku;
END
$routine$;

ALTER FUNCTION :schema.receive_sku OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.receive_sku IS
  'Makes this schema the home of a SKU that the other server sent: part of apply_transfers';
REVOKE ALL ON FUNCTION :schema.receive_sku FROM PUBLIC;
