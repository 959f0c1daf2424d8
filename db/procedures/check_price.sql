-- check_price: refuses a price that some payment provider cannot collect, for any number of units up to the
-- user limit. It is a trigger of catalog.sku, so the rule holds for create_sku, adopt_sku and changes by
-- hand. A price of 0 is allowed: such orders are paid when they are made. A price that is older than this
-- rule stays. It is checked when the price or the currency changes, or when the user limit rises.
--
-- Parameters: none
-- Result: the row. Its price has as many digits as the currency (9.9 EUR becomes 9.90)
-- Tables: reads catalog.currency
-- Locks: none
-- Errors: FS005 no such currency, or a price that cannot be paid

CREATE OR REPLACE FUNCTION catalog.check_price() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_currency catalog.currency%ROWTYPE;
  v_reason   text;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.price, NEW.currency) = (OLD.price, OLD.currency)
     AND NEW.user_limit <= OLD.user_limit THEN
    RETURN NEW;
  END IF;
  SELECT * INTO v_currency FROM catalog.currency c WHERE c.currency = NEW.currency;
  v_reason := CASE
    WHEN NOT FOUND THEN 'there is no such currency'
    WHEN NEW.price IN ('NaN', 'Infinity') OR NEW.price < 0 THEN 'it is not a number of 0 or more'
    WHEN NEW.price <> round(NEW.price, v_currency.minor_digits) THEN
      format('the currency has %s decimal places', v_currency.minor_digits)
    WHEN NEW.price = 0 THEN NULL
    WHEN v_currency.pay_most IS NULL THEN 'not every payment provider accepts the currency'
    WHEN NEW.price < v_currency.pay_least THEN
      format('payment providers accept %s or more', v_currency.pay_least)
    WHEN NEW.price % v_currency.pay_step <> 0 THEN
      format('payment providers accept only multiples of %s', v_currency.pay_step)
    WHEN NEW.price * NEW.user_limit > v_currency.pay_most THEN
      format('%s units cost more than %s, the most that payment providers accept in one payment',
             NEW.user_limit, v_currency.pay_most)
  END;
  IF v_reason IS NOT NULL THEN
    RAISE EXCEPTION 'price % % of SKU % cannot be paid: %', NEW.price, NEW.currency, NEW.sku, v_reason
      USING ERRCODE = 'FS005';
  END IF;
  NEW.price := round(NEW.price, v_currency.minor_digits);
  RETURN NEW;
END
$routine$;

ALTER FUNCTION catalog.check_price OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.check_price IS
  'Trigger: refuses a price that cannot be paid through every provider';
REVOKE ALL ON FUNCTION catalog.check_price FROM PUBLIC;

CREATE OR REPLACE TRIGGER check_price
  BEFORE INSERT OR UPDATE OF price, currency, user_limit ON catalog.sku
  FOR EACH ROW EXECUTE FUNCTION catalog.check_price();
