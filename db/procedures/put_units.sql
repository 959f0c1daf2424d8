-- put_units: gives units of a SKU of this schema to its waitlist, and puts the rest into a slot. Part of
-- return_units and apply_transfers. Do not call it alone: the units would exist twice, because no order has
-- given them up.
--
-- Parameters
--   p_sale, p_sku  the SKU
--   p_units        the units, 1 or more
--   p_kind         the kind of their movement: return, or move if an order of the other schema gave them up
-- Result: the slot that took the rest; NULL if the waitlist took all; 0 if the SKU lives in this schema of
--   another server, to which a transfer with the units was written
-- Tables: reads catalog.sku; reads and writes the tables of serve_waitlist; writes stock_slot,
--   stock_movement; for a SKU of another server only transfer and transfer_mark
-- Locks, in order: the locks of serve_waitlist; the unlocked stock_slot row with the fewest units, or, if
--   all rows are locked, the first one, for which it waits. For a SKU of another server only the
--   transfer_mark row
-- Errors: FS002 the SKU has no slots

CREATE OR REPLACE FUNCTION :schema.put_units(
  p_sale text, p_sku text, p_units int, p_kind text
) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_units int;
  v_slot  int;
BEGIN
  IF (SELECT k.abroad FROM catalog.sku k WHERE k.sku = p_sku) THEN
    PERFORM send_transfer(p_sku, p_sale, 'units', p_units, '{}');
    RETURN 0;
  END IF;
  v_units := p_units - serve_waitlist(p_sale, p_sku, p_units, p_kind);
  IF v_units = 0 THEN RETURN NULL; END IF;
  SELECT s.slot INTO v_slot FROM stock_slot s
  WHERE s.sku = p_sku
    AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
  ORDER BY s.remaining, s.slot LIMIT 1 FOR UPDATE SKIP LOCKED;
  WHILE v_slot IS NULL LOOP
    IF NOT EXISTS (SELECT FROM stock_slot s WHERE s.sku = p_sku) THEN
      RAISE EXCEPTION 'no slots of SKU %', p_sku USING ERRCODE = 'FS002';
    END IF;
    -- Any slot, whatever its number: set_slots may change them during the wait, and that of the last release begins with 1
    -- again. Loop again if it has deleted this row.
    SELECT s.slot INTO v_slot FROM stock_slot s
    WHERE s.sku = p_sku ORDER BY s.slot LIMIT 1 FOR UPDATE;
  END LOOP;

  UPDATE stock_slot s SET remaining = s.remaining + v_units
  WHERE s.sku = p_sku AND s.slot = v_slot;
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  VALUES (p_sale, p_sku, v_slot, p_kind, v_units);
  RETURN v_slot;
END
$routine$;

ALTER FUNCTION :schema.put_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.put_units IS
  'Gives units to the waitlist of a SKU and puts the rest into a slot: part of return_units';
REVOKE ALL ON FUNCTION :schema.put_units FROM PUBLIC;
