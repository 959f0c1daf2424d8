-- put_units: gives units of a SKU that lives in this schema to those who wait, and puts the rest into
-- a slot. Part of return_units; not to be called alone, since nobody would have given the units up.
--
-- Parameters: p_sale, p_sku; p_units, more than 0; p_kind, how they are booked: return, or move when
--   an order of the other schema gave them up
-- Result: the slot that took the rest; NULL if there was none; 0 if the SKU lives in this schema of
--   another server, for which they are posted
-- Tables: reads catalog.sku; what serve_waitlist reads and writes; writes stock_slot, stock_movement;
--   transfer, transfer_mark
-- Locks, in order: those of serve_waitlist; one stock_slot row: the emptiest that nobody holds; if all are held, it waits for one
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
  WHERE s.sku = p_sku ORDER BY s.remaining, s.slot LIMIT 1 FOR UPDATE SKIP LOCKED;
  WHILE v_slot IS NULL LOOP
    IF NOT EXISTS (SELECT FROM stock_slot s WHERE s.sku = p_sku) THEN
      RAISE EXCEPTION 'no slots of SKU %', p_sku USING ERRCODE = 'FS002';
    END IF;
    -- Again if set_slots took away the one that was waited for.
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
  'Puts units into a slot of a SKU of this schema: part of return_units';
REVOKE ALL ON FUNCTION :schema.put_units FROM PUBLIC;
