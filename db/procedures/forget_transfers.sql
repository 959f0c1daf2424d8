-- forget_transfers: undoes transfers that this server applied and that the sender lost, because it was set back.
-- There the orders hold the units once more, so they are taken out of the slots here. If the SKU lives on both servers,
-- the transfers stay, and only units that the sender cannot send again are undone. Part of flashsale after-restore.
--
-- Parameters: p_hot_home, as in transfers_to; p_sku; p_sent, the last transfer that stays; p_units_sent, the units
--   of this and all before
-- Result: how many units are missing here; nothing was changed then. 0: done
-- Tables: writes transfer_mark, stock_slot, stock_movement
-- Locks, in order: the advisory lock of the SKU, exclusively; the transfer_mark row; the slots
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.forget_transfers(
  p_hot_home text, p_sku text, p_sent bigint, p_units_sent bigint
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_mark    transfer_mark%ROWTYPE;
  v_missing bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  SELECT * INTO v_mark FROM transfer_mark m WHERE m.sku = p_sku AND m.hot_home = p_hot_home FOR UPDATE;
  IF (v_mark.applied, v_mark.units_applied) <= (p_sent, p_units_sent) THEN RETURN 0; END IF;
  v_missing := draw_units((SELECT k.sale FROM catalog.sku k WHERE k.sku = p_sku), p_sku,
                          v_mark.units_applied - p_units_sent, 'move');
  IF v_missing > 0 THEN RETURN v_missing; END IF;
  UPDATE transfer_mark m SET applied = p_sent, units_applied = p_units_sent
  WHERE m.sku = p_sku AND m.hot_home = p_hot_home;
  RETURN 0;
END
$routine$;

ALTER FUNCTION :schema.forget_transfers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.forget_transfers IS
  'Undoes transfers that their sender has lost: part of flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.forget_transfers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.forget_transfers TO flashsale_ops;
