-- create_sku: creates a SKU of a sale and spreads its stock over slots.
--
-- Parameters
--   p_sku, p_sale, p_title, p_price, p_currency   the SKU, its sale, its title and its price
--   p_schema      regular or hot: the schema of its stock and orders
--   p_user_limit  the units that one user may hold
--   p_units       the units to load
--   p_slots       the slots to spread them over; NULL takes the tunable slots_default
--   p_presentation  the column of that name
--   p_by, p_reason  who creates it, and why (catalog.action); NULL as p_by: the login
-- Result: true if the SKU was created; false if it exists with the same values. The stock and slots of an
--   existing SKU stay as they are. If it has moved since then, p_schema is not compared; p_presentation never is
-- Tables: reads catalog.sale; writes catalog.sku, catalog.action, stock_slot and stock_movement of
--   p_schema; see keep_refusals
-- Locks, in order: the row of the sale, shared; the key of catalog.sku; the advisory lock of the SKU, exclusively
-- Errors: FS001 units or slots out of range; FS002 no such sale; FS003 the SKU exists with other values;
--   FS004 the sale was called off; FS005 a price that cannot be paid (check_price); 23514 the table does not
--   allow a value

CREATE OR REPLACE FUNCTION catalog.create_sku(
  p_sku        text,
  p_sale       text,
  p_schema     text,
  p_title      text,
  p_price      numeric,
  p_currency   text,
  p_user_limit int,
  p_units      int,
  p_slots      int DEFAULT NULL,
  p_presentation jsonb DEFAULT '{}',
  p_by         text DEFAULT NULL,
  p_reason     text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_slots int := coalesce(p_slots, catalog.tunable('slots_default'));
  v_is_new boolean := false;
BEGIN
  IF p_units IS NULL OR p_units < 0 OR v_slots < 1 OR v_slots > 1024 THEN
    RAISE EXCEPTION 'create_sku takes 0 or more units in 1 to 1024 slots'
      USING ERRCODE = 'FS001';
  END IF;
  -- If the sale is being called off, wait: otherwise the SKU would be open in a sale that is called off.
  PERFORM FROM catalog.sale s WHERE s.sale = p_sale FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;

  -- Look before the INSERT: it would run check_price, which may refuse the price of an old SKU.
  IF NOT EXISTS (SELECT FROM catalog.sku k WHERE k.sku = p_sku) THEN
    IF EXISTS (SELECT FROM catalog.sale s WHERE s.sale = p_sale AND s.called_off_at IS NOT NULL) THEN
      RAISE EXCEPTION 'sale % was called off', p_sale USING ERRCODE = 'FS004';
    END IF;
    INSERT INTO catalog.sku (sku, sale, schema, title, price, currency, user_limit, presentation)
    VALUES (p_sku, p_sale, p_schema, p_title, p_price, p_currency, p_user_limit, p_presentation)
    ON CONFLICT (sku) DO NOTHING;
    v_is_new := FOUND;
  END IF;
  IF NOT v_is_new THEN
    IF NOT EXISTS (
      SELECT FROM catalog.sku k
      WHERE k.sku = p_sku
        AND (k.sale, k.title, k.price, k.currency, k.user_limit)
          = (p_sale, p_title, p_price, p_currency, p_user_limit)
        AND (k.schema = p_schema OR k.moves > 0)) THEN
      RAISE EXCEPTION 'SKU % exists with other values', p_sku USING ERRCODE = 'FS003';
    END IF;
    RETURN false;
  END IF;

  EXECUTE format('SELECT %I.fill_slots($1, $2, $3, $4, $5)', p_schema)
    USING p_sale, p_sku, p_units::bigint, v_slots, 'load';
  PERFORM record_action(coalesce(p_by, session_user), 'create', p_sale, p_sku, p_reason,
    jsonb_build_object('schema', p_schema, 'title', p_title, 'price', p_price, 'currency', p_currency,
                       'user_limit', p_user_limit, 'units', p_units));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.create_sku OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.create_sku IS
  'Creates a SKU and loads its stock; false if it exists with the same values';
REVOKE ALL ON FUNCTION catalog.create_sku FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.create_sku TO flashsale_ops, flashsale_console;
