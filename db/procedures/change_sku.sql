-- change_sku: changes what a sale file says of a SKU. If there are two servers, call it on both; the one where
-- the SKU lives first.
--
-- Parameters
--   p_sku           the SKU
--   p_title, p_price, p_currency, p_user_limit, p_presentation   new values; NULL leaves a value as it is
--   p_by, p_reason  who changes it, and why (catalog.action); NULL as p_by: the login
-- Result: true if a value changed, false if the SKU had all of them
-- Tables: reads orders and buyer of both schemas; writes catalog.sku, catalog.action; see refresh_sku_terms
-- Locks, in order
--   1. the catalog.sku row
--   2. for a price, a currency or a lower limit: the advisory lock of the SKU, exclusively. It waits for the
--      batches under way, so none of them sees the old value after this routine has looked
--   3. catalog.sku_terms (refresh_sku_terms)
-- Errors
--   FS002  no such SKU
--   FS004  a price or currency after the first order: one SKU would be sold at two prices
--   FS004  a limit below what a user holds
--   FS004  a price, a currency or a limit of a pot: its packets are amounts of its currency, one for each user
--   FS005  a price that cannot be paid (check_price); 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.change_sku(
  p_sku          text,
  p_title        text DEFAULT NULL,
  p_price        numeric DEFAULT NULL,
  p_currency     text DEFAULT NULL,
  p_user_limit   int DEFAULT NULL,
  p_presentation jsonb DEFAULT NULL,
  p_by           text DEFAULT NULL,
  p_reason       text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_old      catalog.sku%ROWTYPE;
  v_new      catalog.sku%ROWTYPE;
  v_is_price boolean;
  v_before   jsonb;
  v_after    jsonb;
BEGIN
  SELECT * INTO v_old FROM sku k WHERE k.sku = p_sku FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  v_new := v_old;
  v_new.title := coalesce(p_title, v_old.title);
  v_new.price := coalesce(p_price, v_old.price);
  v_new.currency := coalesce(p_currency, v_old.currency);
  v_new.user_limit := coalesce(p_user_limit, v_old.user_limit);
  v_new.presentation := coalesce(p_presentation, v_old.presentation);
  IF v_new IS NOT DISTINCT FROM v_old THEN RETURN false; END IF;

  v_is_price := (v_new.price, v_new.currency) <> (v_old.price, v_old.currency);
  IF v_old.goods = 'amounts' AND (v_is_price OR v_new.user_limit <> v_old.user_limit) THEN
    RAISE EXCEPTION 'SKU % is a pot of money: its price, currency and limit stay', p_sku USING ERRCODE = 'FS004';
  END IF;
  IF v_is_price OR v_new.user_limit < v_old.user_limit THEN
    PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  END IF;
  IF v_is_price AND (
       EXISTS (SELECT FROM regular.orders o WHERE o.sale = v_old.sale AND o.sku = p_sku)
       OR EXISTS (SELECT FROM hot.orders o WHERE o.sale = v_old.sale AND o.sku = p_sku)) THEN
    RAISE EXCEPTION 'SKU % has orders: its price and currency stay', p_sku USING ERRCODE = 'FS004';
  END IF;
  IF v_new.user_limit < v_old.user_limit AND (
       EXISTS (SELECT FROM regular.buyer b
               WHERE b.sale = v_old.sale AND b.sku = p_sku AND b.units > v_new.user_limit)
       OR EXISTS (SELECT FROM hot.buyer b
                  WHERE b.sale = v_old.sale AND b.sku = p_sku AND b.units > v_new.user_limit)) THEN
    RAISE EXCEPTION 'a user holds more than % units of SKU %', v_new.user_limit, p_sku
      USING ERRCODE = 'FS004';
  END IF;

  UPDATE sku k
  SET title = v_new.title, price = v_new.price, currency = v_new.currency,
      user_limit = v_new.user_limit, presentation = v_new.presentation
  WHERE k.sku = p_sku;

  v_before := to_jsonb(v_old);
  v_after := to_jsonb(v_new);
  PERFORM record_action(coalesce(p_by, session_user), 'change', v_old.sale, p_sku, p_reason, (
    SELECT jsonb_object_agg(a.key, jsonb_build_object('from', v_before -> a.key, 'to', a.value))
    FROM jsonb_each(v_after) AS a (key, value) WHERE a.value <> v_before -> a.key));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.change_sku OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.change_sku IS
  'Changes the title, price, limit or presentation of a SKU';
REVOKE ALL ON FUNCTION catalog.change_sku FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.change_sku TO flashsale_ops, flashsale_console;
