-- change_sale: changes what a sale file says of a sale. If there are two servers, db/catalog.ts calls it on
-- both, in an order in which no server opens a sale before the other one can decide its orders.
--
-- Parameters
--   p_sale          the sale
--   p_title, p_opens_at, p_closes_at, p_pay_window, p_presentation   new values; NULL leaves a value as it is.
--                   A new pay window applies to orders that are placed from then on
--   p_by, p_reason  who changes it, and why (catalog.action); NULL as p_by: the login
-- Result: true if a value changed, false if the sale had all of them. The action is recorded as change; as open,
--   close or extend if that is all that it does
-- Tables: reads catalog.ticket_key; writes catalog.sale, catalog.action; see refresh_sku_terms
-- Locks, in order: the catalog.sale row; catalog.sku_terms (refresh_sku_terms)
-- Errors
--   FS001  the sale would not close after it opens
--   FS002  no such sale
--   FS004  the opening time of a sale with a ticket key: tickets exist, so it has opened for shoppers. Pause its
--          SKUs instead
--   FS004  the closing time of a sale that has closed: shoppers were told so, and its lottery secret is public
--   23514  the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.change_sale(
  p_sale         text,
  p_title        text DEFAULT NULL,
  p_opens_at     timestamptz DEFAULT NULL,
  p_closes_at    timestamptz DEFAULT NULL,
  p_pay_window   interval DEFAULT NULL,
  p_presentation jsonb DEFAULT NULL,
  p_by           text DEFAULT NULL,
  p_reason       text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_old    catalog.sale%ROWTYPE;
  v_new    catalog.sale%ROWTYPE;
  v_only   catalog.sale%ROWTYPE;  -- the old sale with the new times
  v_action text := 'change';
  v_before jsonb;
  v_after  jsonb;
BEGIN
  SELECT * INTO v_old FROM sale s WHERE s.sale = p_sale FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;
  v_new := v_old;
  v_new.title := coalesce(p_title, v_old.title);
  v_new.opens_at := coalesce(p_opens_at, v_old.opens_at);
  v_new.closes_at := coalesce(p_closes_at, v_old.closes_at);
  v_new.pay_window := coalesce(p_pay_window, v_old.pay_window);
  v_new.presentation := coalesce(p_presentation, v_old.presentation);
  IF v_new IS NOT DISTINCT FROM v_old THEN RETURN false; END IF;

  IF v_new.closes_at <= v_new.opens_at THEN
    RAISE EXCEPTION 'sale % would close before it opens', p_sale USING ERRCODE = 'FS001';
  END IF;
  IF v_new.opens_at <> v_old.opens_at AND EXISTS (SELECT FROM ticket_key t WHERE t.sale = p_sale) THEN
    RAISE EXCEPTION 'sale % has opened: its opening time stays', p_sale USING ERRCODE = 'FS004';
  END IF;
  IF v_new.closes_at <> v_old.closes_at AND v_old.closes_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'sale % has closed: its closing time stays', p_sale USING ERRCODE = 'FS004';
  END IF;

  UPDATE sale s
  SET title = v_new.title, opens_at = v_new.opens_at, closes_at = v_new.closes_at,
      pay_window = v_new.pay_window, presentation = v_new.presentation
  WHERE s.sale = p_sale;

  v_only := v_old;
  v_only.opens_at := v_new.opens_at;
  v_only.closes_at := v_new.closes_at;
  IF v_only IS NOT DISTINCT FROM v_new THEN
    v_action := CASE
      WHEN v_new.closes_at = v_old.closes_at AND v_new.opens_at <= clock_timestamp() THEN 'open'
      WHEN v_new.opens_at <> v_old.opens_at THEN 'change'
      WHEN v_new.closes_at <= clock_timestamp() THEN 'close'
      WHEN v_new.closes_at > v_old.closes_at THEN 'extend'
      ELSE 'change' END;
  END IF;
  v_before := to_jsonb(v_old) - 'lottery_secret';
  v_after := to_jsonb(v_new) - 'lottery_secret';
  PERFORM record_action(coalesce(p_by, session_user), v_action, p_sale, p_sale, p_reason, (
    SELECT jsonb_object_agg(a.key, jsonb_build_object('from', v_before -> a.key, 'to', a.value))
    FROM jsonb_each(v_after) AS a (key, value) WHERE a.value <> v_before -> a.key));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.change_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.change_sale IS
  'Changes the title, times, pay window or presentation of a sale';
REVOKE ALL ON FUNCTION catalog.change_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.change_sale TO flashsale_ops, flashsale_console;
