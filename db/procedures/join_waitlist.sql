-- join_waitlist: gives a user a place in the waitlist of a SKU. A second call changes nothing: a user has
-- one place for each SKU.
--
-- Parameters
--   p_sku, p_user_id  the SKU and the user
--   p_units           the largest number of units that the user wants
-- Result: one word
--   waiting          the user has a place in the waitlist, from this call or an earlier one;
--                    waitlist_entries returns it
--   units_available  units are free: the user can buy them and need not wait
--   limit_reached    p_units and the units that the user holds exceed the user limit of the SKU
--   line_full        line_entries_max users are in the waitlist already
--   not_open         the sale has not opened
--   paused           the SKU is paused
--   closed           the SKU is closed, or the sale has closed, or the SKU is a pot that is empty
--   moved            the SKU lives in the other schema, or on another server: call there
--   unknown_sku      there is no such SKU
--   bad_units        p_units is NULL, or not between 1 and the user limit of the SKU
-- Tables: reads catalog.sku, catalog.sale, catalog.tunable, stock_slot; writes buyer (a row with 0 units,
--   so that serve_waitlist never has to make one) and waiting
-- Locks, in order: the advisory lock of the SKU, shared; the key of the buyer row; the advisory lock of the
--   SKU's waitlist, shared (serve_waitlist takes it exclusively); the key of the waiting row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.join_waitlist(p_sku text, p_user_id text, p_units int)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sku  record;
  v_most bigint := catalog.tunable('line_entries_max');
  v_held int;
BEGIN
  -- This lock keeps the SKU in the schema where it is until this transaction ends.
  PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  SELECT k.sale, k.schema, k.abroad, k.user_limit, k.goods,
         CASE WHEN now() < s.opens_at THEN 'not_open'
              WHEN k.state = 'closed' OR now() >= s.closes_at THEN 'closed'
              WHEN k.state = 'paused' THEN 'paused' END AS refusal
  INTO v_sku
  FROM catalog.sku k JOIN catalog.sale s ON s.sale = k.sale
  WHERE k.sku = p_sku;
  IF NOT FOUND THEN RETURN 'unknown_sku'; END IF;
  IF v_sku.abroad OR v_sku.schema <> current_schema() THEN RETURN 'moved'; END IF;
  IF v_sku.refusal IS NOT NULL THEN RETURN v_sku.refusal; END IF;
  -- Packets never come back, so nobody waits for one.
  IF v_sku.goods = 'amounts' AND NOT EXISTS (
    SELECT FROM current_slots(p_sku) s WHERE s.remaining > 0) THEN
    RETURN 'closed';
  END IF;
  IF p_units IS NULL OR p_units NOT BETWEEN 1 AND v_sku.user_limit THEN RETURN 'bad_units'; END IF;

  IF EXISTS (SELECT FROM waiting w WHERE w.user_id = p_user_id AND w.sku = p_sku
             AND w.sale = v_sku.sale AND w.state = 'waiting') THEN
    RETURN 'waiting';
  END IF;
  IF EXISTS (SELECT FROM current_slots(p_sku) s WHERE s.remaining > 0) THEN
    RETURN 'units_available';
  END IF;

  INSERT INTO buyer AS b (sale, sku, user_id, units) VALUES (v_sku.sale, p_sku, p_user_id, 0)
  ON CONFLICT (user_id, sku, sale) DO NOTHING;
  SELECT b.units INTO v_held FROM buyer b
  WHERE b.user_id = p_user_id AND b.sku = p_sku AND b.sale = v_sku.sale;
  IF v_held + p_units > v_sku.user_limit THEN RETURN 'limit_reached'; END IF;
  IF (SELECT count(*) FROM (
        SELECT FROM waiting w
        WHERE w.sale = v_sku.sale AND w.sku = p_sku AND w.state = 'waiting'
        LIMIT v_most) l) >= v_most THEN
    RETURN 'line_full';
  END IF;

  -- Wait while serve_waitlist hands out units: it must see every place that exists at that moment.
  PERFORM pg_advisory_xact_lock_shared(hashtext('line ' || current_schema()), hashtext(p_sku));
  INSERT INTO waiting (sale, sku, user_id, units, claims, rank, asked_at)
  SELECT v_sku.sale, p_sku, p_user_id, p_units,
         (SELECT b.claims FROM buyer b
          WHERE b.user_id = p_user_id AND b.sku = p_sku AND b.sale = v_sku.sale),
         catalog.lottery_rank(v_sku.sale, p_user_id), clock_timestamp()
  ON CONFLICT (user_id, sku, sale) WHERE state = 'waiting' DO NOTHING;
  RETURN 'waiting';
END
$routine$;

ALTER FUNCTION :schema.join_waitlist OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.join_waitlist IS
  'Gives a user a place in the waitlist of a SKU; returns waiting, or why not';
REVOKE ALL ON FUNCTION :schema.join_waitlist FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.join_waitlist TO flashsale_web, flashsale_ops;
