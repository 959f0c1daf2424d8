-- lock_slots: locks slots of a SKU until they have as many units as are wanted. Part of
-- place_mixed_batch.
--
-- Parameters
--   p_terms   what place_orders has read of the SKU
--   p_wanted  units
--   p_wait    lock all slots, and wait for those that others hold
-- Result: one row
--   slots, remaining  what was locked, in this order, and the units in each
--   held              units in them
--   elsewhere         units in the others, when held is less than what is wanted
--   passed_over       whether the first one was not the fullest: another call has that
--   retries           looks that found every slot locked, and were followed by another one
--   locked_at         when the first one was locked
-- Tables: reads and locks stock_slot
-- Locks, in order: stock_slot rows: unlocked ones only (SKIP LOCKED), never waiting; with p_wait all
--   slots of the SKU, ascending
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.lock_slots(
  p_terms catalog.sku_terms, p_wanted bigint, p_wait boolean,
  OUT slots int[], OUT remaining int[], OUT held bigint, OUT elsewhere bigint,
  OUT passed_over boolean, OUT retries int, OUT locked_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_slot    int;
  v_units   int;
  v_fullest int;
BEGIN
  slots := '{}';
  remaining := '{}';
  held := 0;
  elsewhere := 0;
  passed_over := false;
  retries := 0;

  IF p_wait AND p_wanted > 0 THEN
    -- All of them, empty ones too, since units may be on their way back into those. With all in hand
    -- the answer is exact.
    SELECT coalesce(array_agg(s.slot), '{}'), coalesce(array_agg(s.remaining), '{}'),
           coalesce(sum(s.remaining), 0)
    INTO slots, remaining, held
    FROM (SELECT a.slot, a.remaining FROM stock_slot a
          WHERE a.sku = p_terms.sku ORDER BY a.slot FOR UPDATE) s;
    locked_at := clock_timestamp();
  END IF;
  -- Or the fullest that nobody holds, one after the other. ORDER BY sees a slot as the snapshot has it,
  -- FOR UPDATE returns it as it is now. Fullest to within an eighth, by lot: strictly the fullest is the
  -- same one for all sessions, and each locked slot on the way to a free one costs a try (32 clients,
  -- 64 slots: CPU 620 -> 500 us a call).
  v_fullest := (SELECT max(s.remaining) FROM stock_slot s WHERE s.sku = p_terms.sku);
  WHILE held < p_wanted AND NOT p_wait LOOP
    SELECT s.slot, s.remaining INTO v_slot, v_units
    FROM stock_slot s
    WHERE s.sku = p_terms.sku AND s.remaining > 0 AND s.slot <> ALL (slots)
    ORDER BY s.remaining * (1 - random() / 8) DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      IF locked_at IS NULL THEN
        locked_at := clock_timestamp();
        passed_over := v_units < v_fullest * 0.875;
      END IF;
      slots := slots || v_slot;
      remaining := remaining || v_units;
      held := held + v_units;
      CONTINUE;
    END IF;
    EXIT WHEN held > 0 OR retries >= p_terms.pick_retries;
    -- Locked or empty? Only committed rows tell. No waiting for a lock from here on: a slot that was
    -- emptied since the snapshot may have been locked before it was left out.
    EXIT WHEN NOT EXISTS (
      SELECT FROM stock_slot s WHERE s.sku = p_terms.sku AND s.remaining > 0);
    PERFORM pg_sleep(p_terms.pick_retry_wait_us * 2 ^ retries / 1e6);
    retries := retries + 1;
  END LOOP;
  IF held < p_wanted THEN
    SELECT coalesce(sum(s.remaining), 0) INTO elsewhere
    FROM stock_slot s WHERE s.sku = p_terms.sku AND s.slot <> ALL (slots);
  END IF;
END
$routine$;

ALTER FUNCTION :schema.lock_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.lock_slots IS
  'Locks slots until they have as many units as are wanted: part of place_mixed_batch';
REVOKE ALL ON FUNCTION :schema.lock_slots FROM PUBLIC;
