-- transfers_applied: marks transfers as applied by the other server, up to a number. It removes transfers that
-- were marked more than seven days ago. Until then they can be carried again to a server that was set back
-- (resend_transfers).
--
-- Parameters: p_hot_home, as in transfers_to; p_sku; p_applied, the number that apply_transfers returned
-- Result: the number of transfers that were marked
-- Tables: writes transfer
-- Locks: the transfer rows, ascending
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.transfers_applied(
  p_hot_home text, p_sku text, p_applied bigint
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_marked bigint;
BEGIN
  PERFORM FROM transfer t
  WHERE t.sku = p_sku AND t.hot_home = p_hot_home AND t.transfer_no <= p_applied AND t.done_at IS NULL
  ORDER BY t.transfer_no FOR UPDATE;
  UPDATE transfer t SET done_at = now()
  WHERE t.sku = p_sku AND t.hot_home = p_hot_home AND t.transfer_no <= p_applied AND t.done_at IS NULL;
  GET DIAGNOSTICS v_marked = ROW_COUNT;
  DELETE FROM transfer t
  WHERE t.sku = p_sku AND t.hot_home = p_hot_home AND t.done_at < now() - interval '7 days';
  RETURN v_marked;
END
$routine$;

ALTER FUNCTION :schema.transfers_applied OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.transfers_applied IS
  'Marks transfers as applied by the other server, up to a number';
REVOKE ALL ON FUNCTION :schema.transfers_applied FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.transfers_applied
  TO flashsale_worker, flashsale_ops;
