-- send_transfer: writes a transfer for a SKU that lives in this schema of another server. Workers carry it
-- there. Part of lower_buyers, put_units, transfer_units, apply_transfers and send_sku_to.
--
-- Parameters: p_sku, p_sale; p_kind, p_units and p_body, the columns of transfer
-- Result: the number of the transfer for this SKU and this hot home: from 1, without a gap
-- Tables: reads catalog.home, catalog.sku, catalog.pulse; writes transfer, transfer_mark
-- Locks: the transfer_mark row, until the transaction ends. So transfers commit in the order of their numbers
-- Errors: FS004 this database was set back, and the number may belong to a transfer that was lost

CREATE OR REPLACE FUNCTION :schema.send_transfer(
  p_sku text, p_sale text, p_kind text, p_units bigint, p_body jsonb
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_home text;
  v_mark transfer_mark%ROWTYPE;
BEGIN
  IF NOT catalog.is_accepted() THEN
    RAISE EXCEPTION 'this database was set back: run flashsale after-restore first' USING ERRCODE = 'FS004';
  END IF;
  -- The answer to a late payment goes to the home of the order, everything else follows the SKU.
  v_home := catalog.hot_home(CASE p_kind
    WHEN 'payment' THEN (SELECT h.name FROM catalog.home h
                         WHERE h.number = catalog.home_of_order((p_body->>'order_no')::bigint))
    ELSE (SELECT k.hot_home FROM catalog.sku k WHERE k.sku = p_sku) END);
  INSERT INTO transfer_mark AS m (sku, hot_home, sent, units_sent) VALUES (p_sku, v_home, 1, p_units)
  ON CONFLICT (sku, hot_home) DO UPDATE
    SET sent = m.sent + 1, units_sent = m.units_sent + excluded.units_sent
  RETURNING * INTO v_mark;
  INSERT INTO transfer (sku, hot_home, transfer_no, sale, kind, units, units_total, body)
  VALUES (p_sku, v_home, v_mark.sent, p_sale, p_kind, p_units, v_mark.units_sent, p_body);
  RETURN v_mark.sent;
END
$routine$;

ALTER FUNCTION :schema.send_transfer OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.send_transfer IS
  'Writes a transfer for a SKU that lives on another server';
REVOKE ALL ON FUNCTION :schema.send_transfer FROM PUBLIC;
