-- return_units: puts units back into a slot of a SKU. Part of cancel_order and expire_orders; not
-- to be called alone, since nobody would have given the units up.
--
-- Parameters: p_sale, p_sku; p_units, more than 0
-- Result: the slot that took them
-- Tables: writes stock_slot, stock_movement
-- Locks: one stock_slot row: the emptiest that nobody holds; if all are held, it waits for one
-- Errors: FS002 the SKU has no slots

CREATE OR REPLACE FUNCTION :schema.return_units(p_sale text, p_sku text, p_units int) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_slot int;
BEGIN
  SELECT s.slot INTO v_slot FROM stock_slot s
  WHERE s.sku = p_sku ORDER BY s.remaining, s.slot LIMIT 1 FOR UPDATE SKIP LOCKED;
  WHILE v_slot IS NULL LOOP
    IF NOT EXISTS (SELECT FROM stock_slot s WHERE s.sku = p_sku) THEN
      RAISE EXCEPTION 'no slots of SKU %', p_sku USING ERRCODE = 'FS002';
    END IF;
    -- Again if set_slots took away the one that was waited for.
    SELECT s.slot INTO v_slot FROM stock_slot s
    WHERE s.sku = p_sku ORDER BY s.slot LIMIT 1 FOR UPDATE;
  END LOOP;

  UPDATE stock_slot s SET remaining = s.remaining + p_units
  WHERE s.sku = p_sku AND s.slot = v_slot;
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  VALUES (p_sale, p_sku, v_slot, 'return', p_units);
  RETURN v_slot;
END
$routine$;

ALTER FUNCTION :schema.return_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.return_units IS
  'Puts units back into a slot: part of cancel_order and expire_orders';
REVOKE ALL ON FUNCTION :schema.return_units FROM PUBLIC;
