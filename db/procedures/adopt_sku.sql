-- adopt_sku: records a SKU that lives on another server. Its name cannot be given to another SKU, its
-- requests are sent to the other server, and the SKU can move to this one.
--
-- Parameters: as in create_sku, without units, slots and p_by: the other server has the record. p_schema is
--   the home where it lives: regular, or the name of a hot home
-- Result: true if the SKU was recorded; false if it exists with the same values
-- Tables: reads catalog.home, catalog.sale; writes catalog.sku
-- Locks, in order: the row of the sale, shared; the key of catalog.sku; the advisory lock of the SKU, exclusively (keep_refusals)
-- Errors: FS002 no such sale, or no such home: prepare has not told this server of it; FS003 the SKU exists with other values, or the home
--   is on this server; FS004 the sale was called off;
--   FS005 a price that cannot be paid (check_price); 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.adopt_sku(
  p_sku        text,
  p_sale       text,
  p_schema     text,
  p_title      text,
  p_price      numeric,
  p_currency   text,
  p_user_limit int,
  p_presentation jsonb DEFAULT '{}'
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_schema text := CASE p_schema WHEN 'regular' THEN 'regular' ELSE 'hot' END;
BEGIN
  IF NOT EXISTS (SELECT FROM catalog.home h WHERE h.name = p_schema) AND p_schema <> 'regular' THEN
    RAISE EXCEPTION 'no home %: run prepare', p_schema USING ERRCODE = 'FS002';
  END IF;
  -- A caller whose URLs are mixed up: the SKU would live on a server that is another home.
  IF EXISTS (SELECT FROM catalog.home h WHERE h.name = p_schema AND h.name <> 'regular' AND h.here) THEN
    RAISE EXCEPTION 'the home % is on this server: look at HOT_DATABASE_URLS', p_schema USING ERRCODE = 'FS003';
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
    INSERT INTO catalog.sku (sku, sale, schema, title, price, currency, user_limit, presentation,
                             abroad, hot_home)
    VALUES (p_sku, p_sale, v_schema, p_title, p_price, p_currency, p_user_limit, p_presentation, true,
            nullif(p_schema, 'regular'))
    ON CONFLICT (sku) DO NOTHING;
    IF FOUND THEN RETURN true; END IF;
  END IF;
  IF NOT EXISTS (
    SELECT FROM catalog.sku k
    WHERE k.sku = p_sku
      AND (k.sale, k.title, k.price, k.currency, k.user_limit)
        = (p_sale, p_title, p_price, p_currency, p_user_limit)
      AND (k.schema = v_schema AND k.abroad AND (v_schema = 'regular' OR coalesce(k.hot_home, 'hot') = p_schema)
           OR k.moves > 0)) THEN
    RAISE EXCEPTION 'SKU % exists with other values', p_sku USING ERRCODE = 'FS003';
  END IF;
  RETURN false;
END
$routine$;

ALTER FUNCTION catalog.adopt_sku OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.adopt_sku IS
  'Records a SKU that lives on another server';
REVOKE ALL ON FUNCTION catalog.adopt_sku FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.adopt_sku TO flashsale_ops, flashsale_console;
