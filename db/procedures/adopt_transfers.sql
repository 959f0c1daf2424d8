-- adopt_transfers: counts transfers as sent that this server wrote and then lost, because it was set back, and
-- that the other server has applied. The SKU lives on this server, so their units are free here once more: they
-- are taken out of the slots. Part of flashsale after-restore.
--
-- Parameters
--   p_hot_home       as in transfers_to
--   p_sku            the SKU
--   p_applied        the last transfer that the other server applied
--   p_units_applied  the units of this and all before
--   p_gone           whether the SKU lives on the other server as well, because the move there was lost. It then
--                    leaves this server, and units that are still free here follow by a new transfer
-- Result: how many units are missing here; nothing was changed then. 0: done
-- Tables: writes catalog.sku, transfer, transfer_mark; stock_slot, stock_movement and waiting of the other schema
-- Locks, in order: the catalog.sku row; the advisory lock of the SKU, exclusively; the transfer_mark row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.adopt_transfers(
  p_hot_home text, p_sku text, p_applied bigint, p_units_applied bigint, p_gone boolean
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sku     catalog.sku%ROWTYPE;
  v_mark    transfer_mark%ROWTYPE;
  v_missing bigint;
  v_rest    bigint;
BEGIN
  SELECT * INTO v_sku FROM catalog.sku k WHERE k.sku = p_sku FOR UPDATE;
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  INSERT INTO transfer_mark (sku, hot_home) VALUES (p_sku, p_hot_home)
  ON CONFLICT DO NOTHING;
  SELECT * INTO v_mark FROM transfer_mark m WHERE m.sku = p_sku AND m.hot_home = p_hot_home FOR UPDATE;
  IF v_mark.sent >= p_applied THEN RETURN 0; END IF;
  EXECUTE format('SELECT %I.draw_units($1, $2, $3, $4)', v_sku.schema) INTO v_missing
    USING v_sku.sale, p_sku, p_units_applied - v_mark.units_sent, 'move';
  IF v_missing > 0 THEN RETURN v_missing; END IF;
  UPDATE transfer_mark m SET sent = p_applied, units_sent = p_units_applied
  WHERE m.sku = p_sku AND m.hot_home = p_hot_home;
  IF NOT p_gone THEN RETURN 0; END IF;

  EXECUTE format('SELECT units FROM %I.empty_slots($1, $2)', v_sku.schema) INTO v_rest
    USING v_sku.sale, p_sku;
  -- The waitlist went with the lost move.
  EXECUTE format($sql$DELETE FROM %I.waiting w WHERE w.sale = $1 AND w.sku = $2 AND w.state = 'waiting'$sql$,
    v_sku.schema) USING v_sku.sale, p_sku;
  UPDATE catalog.sku k
  SET schema = current_schema(), abroad = true, moves = k.moves + 1, moved_at = now(),
      hot_home = CASE current_schema() WHEN 'hot' THEN p_hot_home END
  WHERE k.sku = p_sku;
  IF v_rest > 0 THEN
    -- send_transfer would refuse: this database is not accepted yet.
    UPDATE transfer_mark m SET sent = m.sent + 1, units_sent = m.units_sent + v_rest
    WHERE m.sku = p_sku AND m.hot_home = p_hot_home;
    INSERT INTO transfer (sku, hot_home, transfer_no, sale, kind, units, units_total, body)
    VALUES (p_sku, p_hot_home, p_applied + 1, v_sku.sale, 'units', v_rest, p_units_applied + v_rest, '{}');
  END IF;
  RETURN 0;
END
$routine$;

ALTER FUNCTION :schema.adopt_transfers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.adopt_transfers IS
  'Counts transfers as sent that this server has lost: part of flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.adopt_transfers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.adopt_transfers TO flashsale_ops;
