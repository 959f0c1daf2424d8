-- resend_transfers: has transfers carried again that the other server applied and then lost, because it was set
-- back. Call it on the server that sends. Part of flashsale after-restore.
--
-- Parameters: p_hot_home, as in transfers_to; p_sku; p_applied, the last transfer that the other server has
-- Result: the number of transfers that will be carried again
-- Tables: writes transfer
-- Locks: the transfer_mark row, the transfer rows
-- Errors: FS004 transfers that are needed were removed (transfers_applied): they are older than seven days

CREATE OR REPLACE FUNCTION :schema.resend_transfers(
  p_hot_home text, p_sku text, p_applied bigint
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sent   bigint;
  v_resent bigint;
BEGIN
  SELECT m.sent INTO v_sent FROM transfer_mark m
  WHERE m.sku = p_sku AND m.hot_home = p_hot_home FOR UPDATE;
  IF v_sent - p_applied <> (SELECT count(*) FROM transfer t
      WHERE t.sku = p_sku AND t.hot_home = p_hot_home AND t.transfer_no > p_applied) THEN
    RAISE EXCEPTION 'transfers % to % of % to % were removed: restore to a later time', p_applied + 1, v_sent,
      p_sku, p_hot_home USING ERRCODE = 'FS004';
  END IF;
  UPDATE transfer t SET done_at = NULL
  WHERE t.sku = p_sku AND t.hot_home = p_hot_home AND t.transfer_no > p_applied AND t.done_at IS NOT NULL;
  GET DIAGNOSTICS v_resent = ROW_COUNT;
  RETURN v_resent;
END
$routine$;

ALTER FUNCTION :schema.resend_transfers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.resend_transfers IS
  'Has transfers carried again that the other server lost: part of flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.resend_transfers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.resend_transfers TO flashsale_ops;
