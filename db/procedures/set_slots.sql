-- set_slots: gives a SKU more or fewer slots while it is being sold, and spreads its free units evenly. With
-- more slots, more transactions can take units at once. With fewer slots, large requests cost less.
--
-- Parameters: p_sku; p_slots, 1 to 1024
-- Result: one row for each slot as it is then
-- Tables: reads catalog.sku; writes stock_slot, stock_movement (split or merge; their sum is 0)
-- Locks, in order: the catalog.sku row, so that two calls do not mix; all slots of the SKU, ascending.
--   Orders wait while this runs, a few milliseconds
-- Errors: FS001 slots out of range; FS002 no such SKU in this schema

CREATE OR REPLACE FUNCTION :schema.set_slots(p_sku text, p_slots int)
RETURNS TABLE (slot int, remaining int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_sale   text;
  v_before int[];
  v_units  int[];
  v_free   bigint;
  v_after  int;  -- the slots have larger numbers: see current_slots
BEGIN
  IF p_slots IS NULL OR p_slots NOT BETWEEN 1 AND 1024 THEN
    RAISE EXCEPTION 'a SKU has 1 to 1024 slots' USING ERRCODE = 'FS001';
  END IF;
  SELECT k.sale INTO v_sale FROM catalog.sku k
  WHERE k.sku = p_sku AND k.schema = current_schema() AND NOT k.abroad FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU % in %', p_sku, current_schema() USING ERRCODE = 'FS002';
  END IF;

  SELECT array_agg(s.slot), array_agg(s.remaining), coalesce(sum(s.remaining), 0)
  INTO v_before, v_units, v_free
  FROM (SELECT a.slot, a.remaining FROM stock_slot a
        WHERE a.sku = p_sku
          AND a.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
        ORDER BY a.slot FOR UPDATE) s;

  v_after := (v_before[cardinality(v_before)] - 1) / 1024 * 1024;
  DELETE FROM stock_slot s WHERE s.sku = p_sku AND s.slot > v_after + p_slots;
  INSERT INTO stock_slot AS s (sku, slot, remaining)
  SELECT p_sku, v_after + n, v_free / p_slots + (n <= v_free % p_slots)::int
  FROM generate_series(1, p_slots) AS n
  ON CONFLICT (sku, slot) DO UPDATE SET remaining = excluded.remaining
    WHERE s.remaining <> excluded.remaining;

  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  SELECT v_sale, p_sku, slot,
         CASE WHEN p_slots >= cardinality(v_before) THEN 'split' ELSE 'merge' END,
         coalesce(now.remaining, 0) - coalesce(old.remaining, 0)
  FROM unnest(v_before, v_units) AS old (slot, remaining)
  FULL JOIN (SELECT a.slot, a.remaining FROM stock_slot a WHERE a.sku = p_sku AND a.slot > v_after) now USING (slot)
  WHERE coalesce(now.remaining, 0) <> coalesce(old.remaining, 0);

  RETURN QUERY SELECT s.slot, s.remaining FROM stock_slot s WHERE s.sku = p_sku AND s.slot > v_after ORDER BY s.slot;
END
$routine$;

ALTER FUNCTION :schema.set_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.set_slots IS
  'Gives a SKU more or fewer slots while it is being sold, and spreads its free units evenly';
REVOKE ALL ON FUNCTION :schema.set_slots FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.set_slots
  TO flashsale_ops;
