-- set_sku_state: opens, pauses or closes a SKU in the database. closed refuses its requests from the next
-- batch on. paused still decides requests that were admitted before. To stop admission, use ZooKeeper
-- (/flashsale/skus/<sku>/state); this state is the barrier behind it.
--
-- Parameters: p_sku; p_state: open, paused or closed
-- Result: the state before
-- Tables: writes catalog.sku
-- Locks: the catalog.sku row
-- Errors: FS002 no such SKU, or it lives on another server: call it there; 23514 no such state;
--   FS004 the sale was called off: its SKUs stay closed

CREATE OR REPLACE FUNCTION catalog.set_sku_state(p_sku text, p_state text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_before text;
BEGIN
  SELECT k.state INTO v_before FROM catalog.sku k WHERE k.sku = p_sku AND NOT k.abroad FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU % on this server', p_sku USING ERRCODE = 'FS002';
  END IF;
  IF p_state <> 'closed' AND EXISTS (
    SELECT FROM catalog.sku k JOIN catalog.sale s ON s.sale = k.sale
    WHERE k.sku = p_sku AND s.called_off_at IS NOT NULL) THEN
    RAISE EXCEPTION 'the sale of % was called off', p_sku USING ERRCODE = 'FS004';
  END IF;
  UPDATE catalog.sku k SET state = p_state WHERE k.sku = p_sku;
  RETURN v_before;
END
$routine$;

ALTER FUNCTION catalog.set_sku_state OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_sku_state IS
  'Opens, pauses or closes a SKU; returns the state before';
REVOKE ALL ON FUNCTION catalog.set_sku_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_sku_state
  TO flashsale_ops;
