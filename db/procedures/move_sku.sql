-- move_sku: moves a SKU to this schema while it is being sold: hot.move_sku('TV') promotes it,
-- regular.move_sku('TV') brings it back. Its free units, the units that each buyer holds, its waitlist and
-- the claims of each buyer move too. Orders and outcomes stay where they are. After the move, the other
-- schema answers requests for the SKU with 'moved', and units of orders in that schema come back to this
-- one.
--
-- Parameters: p_sku; p_slots, the number of slots here, 1 to 1024; NULL: as many as the SKU has
-- Result: one row
--   moved_from  the schema that the SKU left; NULL if it was in this schema already
--   units       the free units that moved; 0 if the SKU was here already
--   slots       the number of slots here
--   buyers      the number of buyer rows that moved; 0 if the SKU was here already
-- Tables: writes catalog.sku; stock_slot, buyer, waiting and stock_movement (kind move; its sum over
--   both schemas is 0) of both schemas
-- Locks, in order
--   1. the catalog.sku row, so that restock, set_slots and another move wait
--   2. the advisory lock of the SKU, exclusively. It waits for the batches, payments and cancellations
--      under way; new ones wait or answer 'locked' until the move ends (docs/decisions/0010)
--   3. slots and buyers of the SKU: nobody else can hold them then
-- Errors: FS001 slots out of range; FS002 no such SKU, or the SKU lives on another server: see send_sku_to;
--   FS004 the SKU is daily, a pot or numbered

CREATE OR REPLACE FUNCTION :schema.move_sku(p_sku text, p_slots int DEFAULT NULL)
RETURNS TABLE (moved_from text, units bigint, slots int, buyers bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_sku    catalog.sku%ROWTYPE;
  v_units  bigint;
  v_slots  int;
  v_buyers bigint;
BEGIN
  IF p_slots NOT BETWEEN 1 AND 1024 THEN
    RAISE EXCEPTION 'a SKU has 1 to 1024 slots' USING ERRCODE = 'FS001';
  END IF;
  SELECT * INTO v_sku FROM catalog.sku k WHERE k.sku = p_sku FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  IF v_sku.abroad THEN
    RAISE EXCEPTION 'SKU % lives on another server: flashsale db move-sku', p_sku
      USING ERRCODE = 'FS002';
  END IF;
  IF v_sku.goods <> 'counted' THEN
    RAISE EXCEPTION 'SKU % is %: it stays in its home', p_sku,
      CASE v_sku.goods WHEN 'amounts' THEN 'a pot of money' ELSE v_sku.goods END USING ERRCODE = 'FS004';
  END IF;
  IF v_sku.schema = current_schema() THEN
    RETURN QUERY SELECT NULL, 0::bigint, count(*)::int, 0::bigint
                 FROM stock_slot s WHERE s.sku = p_sku;
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));

  EXECUTE format('SELECT units, slots FROM %I.empty_slots($1, $2)', v_sku.schema)
    INTO v_units, v_slots USING v_sku.sale, p_sku;
  v_slots := coalesce(p_slots, v_slots);
  PERFORM fill_slots(v_sku.sale, p_sku, v_units, v_slots, 'move');

  EXECUTE format($sql$
    WITH gone AS (
      DELETE FROM %1$I.buyer b WHERE b.sale = $2 AND b.sku = $1
      RETURNING b.user_id, b.units, b.claims
    )
    INSERT INTO buyer (sale, sku, user_id, units, claims)
    SELECT $2, $1, g.user_id, g.units, g.claims FROM gone g WHERE g.units > 0 OR g.claims > 0
  $sql$, v_sku.schema) USING p_sku, v_sku.sale;
  GET DIAGNOSTICS v_buyers = ROW_COUNT;
  PERFORM move_waitlist(v_sku.schema, v_sku.sale, p_sku);

  UPDATE catalog.sku k
  SET schema = current_schema(), moves = k.moves + 1, moved_at = now(),
      -- It may have lived in a hot home of another server.
      hot_home = CASE current_schema() WHEN 'regular' THEN k.hot_home END
  WHERE k.sku = p_sku;
  RETURN QUERY SELECT v_sku.schema, v_units, v_slots, v_buyers;
END
$routine$;

ALTER FUNCTION :schema.move_sku OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.move_sku IS
  'Moves a SKU to this schema while it is being sold';
REVOKE ALL ON FUNCTION :schema.move_sku FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.move_sku
  TO flashsale_ops;
