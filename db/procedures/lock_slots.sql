-- lock_slots: locks slots of a SKU until they have as many units as are wanted. Part of
-- place_mixed_batch.
--
-- Parameters
--   p_terms   the terms of the SKU that place_orders has read
--   p_wanted  the units wanted
--   p_wait    true: lock all slots, and wait for slots that other transactions hold
-- Result: one row
--   slots, remaining  the locked slots, in the order in which they were locked, and the units in each
--   held              the units in these slots
--   elsewhere         the units in the other slots, if held is less than p_wanted; otherwise 0
--   passed_over       true if the first locked slot has less than 7/8 of the units of the fullest slot,
--                     because another call holds fuller ones; false with p_wait
--   retries           how often the call found every slot locked and looked again
--   locked_at         when the first slot was locked; NULL if none was locked
-- Tables: reads and locks stock_slot
-- Locks: stock_slot rows. Without p_wait only those that nobody holds (SKIP LOCKED); with p_wait all slots of
--   the SKU, ascending
-- Errors: 40P01, rarely: call again. PostgreSQL 15 waits in spite of SKIP LOCKED if the update that it would
--   skip commits at this moment and another session has the new version already ("while locking updated
--   version", heap_lock_updated_tuple). That session may wait for a slot of this call, and either call ends

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
  v_after   int;  -- the slots have larger numbers: see current_slots
BEGIN
  slots := '{}';
  remaining := '{}';
  held := 0;
  elsewhere := 0;
  passed_over := false;
  retries := 0;

  SELECT max(s.remaining), (max(s.slot) - 1) / 1024 * 1024 INTO v_fullest, v_after FROM current_slots(p_terms.sku) s;
  IF p_wait AND p_wanted > 0 THEN
    -- Lock all slots. Empty ones are included, since units may be on their way back into them. Once all
    -- are locked, the answer is exact.
    SELECT coalesce(array_agg(s.slot), '{}'), coalesce(array_agg(s.remaining), '{}'),
           coalesce(sum(s.remaining), 0)
    INTO slots, remaining, held
    FROM (SELECT a.slot, a.remaining FROM stock_slot a
          WHERE a.sku = p_terms.sku AND a.slot > v_after ORDER BY a.slot FOR UPDATE) s;
    locked_at := clock_timestamp();
  END IF;
  -- Without p_wait, lock the fullest slots that nobody holds, one after the other. ORDER BY sees a slot as
  -- the snapshot has it; FOR UPDATE returns it as it is now. Slots within about an eighth of the fullest are
  -- taken in random order. In strict order, all sessions would try the same slot first, and each locked slot
  -- on the way to a free one costs a try (32 clients, 64 slots: CPU 620 -> 500 us a call).
  WHILE held < p_wanted AND NOT p_wait LOOP
    SELECT s.slot, s.remaining INTO v_slot, v_units
    FROM stock_slot s
    WHERE s.sku = p_terms.sku AND s.slot > v_after AND s.remaining > 0 AND s.slot <> ALL (slots)
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
    -- Are the slots locked, or empty? Only committed rows tell. From here on, do not wait for a lock: this
    -- call may hold a slot that is not in its list, because FOR UPDATE locks a slot that was emptied since
    -- the snapshot before it leaves the slot out.
    EXIT WHEN NOT EXISTS (
      SELECT FROM current_slots(p_terms.sku) s WHERE s.remaining > 0);
    PERFORM pg_sleep(p_terms.pick_retry_wait_us * 2 ^ retries / 1e6);
    retries := retries + 1;
  END LOOP;
  IF held < p_wanted THEN
    SELECT coalesce(sum(s.remaining), 0) INTO elsewhere
    FROM current_slots(p_terms.sku) s WHERE s.slot <> ALL (slots);
  END IF;
END
$routine$;

ALTER FUNCTION :schema.lock_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.lock_slots IS
  'Locks slots until they have as many units as are wanted: part of place_mixed_batch';
REVOKE ALL ON FUNCTION :schema.lock_slots FROM PUBLIC;
