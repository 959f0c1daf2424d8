-- return_units: gives units of an order of this schema back to the schema where the SKU lives. Part of
-- end_orders and expire_orders_of. Do not call it alone: the units would exist twice, because no order has
-- given them up.
--
-- Parameters: p_sale, p_sku; p_units, 1 or more. The caller holds the advisory lock of the SKU, shared, so
--   that the SKU cannot move
-- Result: as in put_units; NULL for a pot of money, whose packets stay taken. Nothing was changed then
-- Tables: reads catalog.sku; writes the tables of put_units in the schema where the SKU lives. If that is not
--   this schema of this server, writes stock_movement here: the units came back and left
-- Locks: those of put_units
-- Errors: FS002 the SKU has no slots

CREATE OR REPLACE FUNCTION :schema.return_units(p_sale text, p_sku text, p_units int) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_home   text;
  v_abroad boolean;
  v_slot   int;
BEGIN
  -- A packet stays taken: a pot is divided once, and whoever gives a packet up must not get another one for it.
  IF EXISTS (SELECT FROM catalog.sku k WHERE k.sku = p_sku AND k.goods = 'amounts') THEN RETURN NULL; END IF;
  SELECT k.schema, k.abroad INTO v_home, v_abroad FROM catalog.sku k WHERE k.sku = p_sku;
  IF v_home = current_schema() AND NOT v_abroad THEN
    RETURN put_units(p_sale, p_sku, p_units, 'return');
  END IF;
  -- The slots of this schema are gone. Slot 1 stands for them: its units leave at once.
  INSERT INTO stock_movement (sale, sku, slot, kind, units)
  VALUES (p_sale, p_sku, 1, 'return', p_units), (p_sale, p_sku, 1, 'move', -p_units);
  EXECUTE format('SELECT %I.put_units($1, $2, $3, $4)', v_home)
    INTO v_slot USING p_sale, p_sku, p_units, 'move';
  RETURN v_slot;
END
$routine$;

ALTER FUNCTION :schema.return_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.return_units IS
  'Gives units back to the schema where the SKU lives: part of end_orders and expire_orders_of';
REVOKE ALL ON FUNCTION :schema.return_units FROM PUBLIC;
