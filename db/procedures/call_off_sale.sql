-- call_off_sale: calls a sale off on this server. Its SKUs are closed for good: when this routine has returned,
-- every request of the sale is decided as closed, also those that were admitted before. Units that come back
-- stay in stock, and the waitlists have ended. call_off_orders then ends its orders. Call it on both servers
-- where there are two.
--
-- Parameters: p_sale, the sale; p_by, who does it; p_reason, why
-- Result: true if this call did it, false if the sale had been called off before
-- Tables: reads and writes catalog.sale, catalog.sku; writes catalog.action
-- Locks, in order: the catalog.sku rows, ascending; the advisory locks of the SKUs, exclusively, ascending (it
--   waits for transactions that are deciding requests); the catalog.sale row
-- Errors: FS002 no such sale; 23502, 23514 p_by or p_reason is not as record_action wants it

CREATE OR REPLACE FUNCTION catalog.call_off_sale(p_sale text, p_by text, p_reason text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_skus text[];
  v_before timestamptz;
BEGIN
  SELECT array_agg(l.sku) INTO v_skus
  FROM (SELECT k.sku FROM sku k WHERE k.sale = p_sale ORDER BY k.sku FOR UPDATE) l;
  -- A transaction that holds one of these locks may have read that the SKU is open.
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(k.sku))
  FROM (SELECT u.sku FROM unnest(v_skus) AS u (sku) ORDER BY u.sku COLLATE "C") k;
  SELECT s.called_off_at INTO v_before FROM sale s WHERE s.sale = p_sale FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;
  -- Again at each call: a SKU may have come from the other server meanwhile.
  UPDATE sku k SET state = 'closed' WHERE k.sale = p_sale AND k.state <> 'closed';
  IF v_before IS NOT NULL THEN RETURN false; END IF;
  UPDATE sale s SET called_off_at = now() WHERE s.sale = p_sale;
  PERFORM record_action(p_by, 'call_off', p_sale, p_sale, p_reason);
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.call_off_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.call_off_sale IS
  'Calls a sale off: its SKUs are closed for good; call_off_orders then ends its orders';
REVOKE ALL ON FUNCTION catalog.call_off_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.call_off_sale TO flashsale_ops, flashsale_console;
