-- restock: adds units to a SKU, spread evenly over its slots. Raise the quota afterwards
-- (/flashsale/skus/<sku>/quota). Otherwise nobody is admitted for the new units.
--
-- Parameters: p_sku; p_units, 1 or more; p_by and p_reason: who restocks, and why (catalog.action). NULL as
--   p_by: the login
-- Result: the units that exist then (loaded and restocked)
-- Tables: reads catalog.sku and the tables of sale_board; writes stock_slot, stock_movement,
--   catalog.action
-- Locks, in order: the catalog.sku row, so that set_slots waits; all slots of the SKU, ascending
-- Errors: FS001 units below 1; FS002 no such SKU in this schema; FS004 the SKU is daily, a pot or numbered; 22003 a slot would overflow

CREATE OR REPLACE FUNCTION :schema.restock(
  p_sku text, p_units int, p_by text DEFAULT NULL, p_reason text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sale  text;
  v_goods text;
  v_slots int[];
BEGIN
  IF p_units IS NULL OR p_units < 1 THEN
    RAISE EXCEPTION 'restock takes 1 or more units' USING ERRCODE = 'FS001';
  END IF;
  SELECT k.sale, k.goods INTO v_sale, v_goods FROM catalog.sku k
  WHERE k.sku = p_sku AND k.schema = current_schema() AND NOT k.abroad FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU % in %', p_sku, current_schema() USING ERRCODE = 'FS002';
  END IF;
  IF v_goods = 'daily' THEN
    RAISE EXCEPTION 'SKU % is daily: its stock does not end', p_sku USING ERRCODE = 'FS004';
  END IF;
  IF v_goods = 'amounts' THEN
    RAISE EXCEPTION 'SKU % is a pot of money: it was divided once, and gets no more packets', p_sku
      USING ERRCODE = 'FS004';
  END IF;
  IF v_goods = 'numbered' THEN
    RAISE EXCEPTION 'SKU % is numbered: it has the units that it was made with', p_sku USING ERRCODE = 'FS004';
  END IF;

  v_slots := ARRAY(SELECT s.slot FROM stock_slot s
                   WHERE s.sku = p_sku
                     AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
                   ORDER BY s.slot FOR UPDATE);
  WITH share AS (
    SELECT l.slot, p_units / cardinality(v_slots)
                   + (l.n <= p_units % cardinality(v_slots))::int AS units
    FROM unnest(v_slots) WITH ORDINALITY AS l (slot, n)
  ), filled AS (
    UPDATE stock_slot s SET remaining = s.remaining + h.units
    FROM share h WHERE s.sku = p_sku AND s.slot = h.slot AND h.units > 0
    RETURNING s.slot, h.units
  )
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  SELECT v_sale, p_sku, f.slot, 'restock', f.units FROM filled f;

  PERFORM catalog.record_action(coalesce(p_by, session_user), 'restock', v_sale, p_sku, p_reason,
    jsonb_build_object('schema', current_schema(), 'units', p_units));
  RETURN (SELECT sum(b.units_total) FROM catalog.sale_board() b WHERE b.sku = p_sku);
END
$routine$;

ALTER FUNCTION :schema.restock OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.restock IS
  'Adds units to a SKU; raise its quota afterwards';
REVOKE ALL ON FUNCTION :schema.restock FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.restock
  TO flashsale_ops, flashsale_console;
