-- renew_slots: replaces the slots of a SKU by new rows with the same units while it is being sold. As long as any
-- transaction holds a snapshot, nothing can remove the old versions of a slot, and each call makes one. A call passes
-- all versions of the present slots, and none of replaced ones (current_slots). Workers call it after
-- each 2,000 calls of a SKU. Vacuum removes the replaced slots once the snapshot is gone.
--
-- Parameters: p_sku; p_dead: do nothing unless stock_slot has at least as many dead rows, as the statistics say
-- Result: the number of slots that were replaced; 0: nothing was done
-- Tables: reads catalog.sku; writes stock_slot, stock_movement (split and merge; their sum is 0)
-- Locks, in order
--   1. the catalog.sku row, so that set_slots, restock and move_sku wait
--   2. the advisory lock of the SKU, exclusively, as move_sku. Nobody else holds slots then
-- Errors: FS002 no such SKU in this schema; 55P03 after 100 ms in which the locks were not free, because calls for
--   the SKU wait meanwhile: call again later

CREATE OR REPLACE FUNCTION :schema.renew_slots(p_sku text, p_dead bigint DEFAULT 0) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET lock_timeout = '100ms'
AS $routine$
DECLARE
  v_sale     text;
  v_replaced int;
BEGIN
  IF pg_stat_get_dead_tuples(to_regclass('stock_slot')) < p_dead THEN RETURN 0; END IF;
  SELECT k.sale INTO v_sale FROM catalog.sku k
  WHERE k.sku = p_sku AND k.schema = current_schema() AND NOT k.abroad FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU % in %', p_sku, current_schema() USING ERRCODE = 'FS002';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));

  WITH gone AS (
    DELETE FROM stock_slot s
    WHERE s.sku = p_sku
      AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)  -- current_slots
    RETURNING s.slot, s.remaining
  ), made AS (
    INSERT INTO stock_slot (sku, slot, remaining)
    SELECT p_sku, (max(g.slot) OVER () - 1) / 1024 * 1024 + 1024 + row_number() OVER (ORDER BY g.slot), g.remaining
    FROM gone g
    RETURNING slot, remaining
  ), booked AS (
    INSERT INTO stock_movement (sale, sku, slot, kind, units)
    SELECT v_sale, p_sku, g.slot, 'merge', -g.remaining FROM gone g WHERE g.remaining > 0
    UNION ALL
    SELECT v_sale, p_sku, m.slot, 'split', m.remaining FROM made m WHERE m.remaining > 0
  )
  SELECT count(*) INTO v_replaced FROM gone;
  RETURN v_replaced;
END
$routine$;

ALTER FUNCTION :schema.renew_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.renew_slots IS
  'Replaces the slots of a SKU by new rows, so that orders need not pass old versions that a snapshot keeps';
REVOKE ALL ON FUNCTION :schema.renew_slots FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.renew_slots
  TO flashsale_worker, flashsale_ops;
