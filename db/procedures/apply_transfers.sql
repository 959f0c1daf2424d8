-- apply_transfers: applies the transfers that the other server sent for a SKU. Each transfer is applied
-- once and in the order of the numbers, however often and by however many processes it is brought. Call it
-- on the server where the schema lives.
--
-- Parameters
--   p_sku      the SKU
--   p_entries  what transfers_to of the other server returned for one hot home; the numbers have no gap. An
--              entry with the number 0 is not applied; it only names the hot home. The kinds:
--              home           the SKU lives here from now on
--              buyers, units  orders of the other side gave these units up. If the SKU has moved on, they
--                             are sent after it
--              payment        units for a late payment of an order of this server, or of another hot home, to
--                             which they are sent on. Units that the order cannot use any more go back
-- Result: the number of the last transfer that was applied, by this call or before it
-- Tables: reads catalog.home; writes catalog.sku, transfer_mark, stock_slot, stock_movement, buyer; orders, payment and
--   outbox for a payment; transfer of the other schema if the SKU lives on the other server
-- Locks, in order
--   1. the catalog.sku row, if a transfer is of kind home
--   2. the advisory lock of the SKU: exclusively if a transfer is of kind home, else shared
--   3. the transfer_mark row
--   4. the orders row, buyer rows, slots
-- Errors: FS003 the transfers are for another hot home; FS004 the copy of buyers and outcomes is not complete as
--   of this transfer of kind home; FS500 a number is missing (a bug, or a transfer was deleted)

CREATE OR REPLACE FUNCTION :schema.apply_transfers(p_sku text, p_entries jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_has_home boolean := p_entries @> '[{"kind": "home"}]';
  v_mark     transfer_mark%ROWTYPE;
  v_entry    record;
  v_sale     text;
  v_home     text;
  v_booked   boolean;
  v_hot_home text := catalog.hot_home(p_entries->0->>'hot_home');
  v_users    text[] := '{}';
  v_lower    int[] := '{}';
  v_units    bigint := 0;
BEGIN
  -- A worker whose URLs are mixed up would otherwise make the SKU live in two homes.
  IF p_entries->0->>'hot_home' <> v_hot_home THEN
    RAISE EXCEPTION 'the transfers of % are for the home %, and this server is %',
      p_sku, p_entries->0->>'hot_home', v_hot_home USING ERRCODE = 'FS003';
  END IF;
  IF v_has_home THEN
    PERFORM FROM catalog.sku k WHERE k.sku = p_sku FOR UPDATE;
    PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  END IF;
  INSERT INTO transfer_mark (sku, hot_home) VALUES (p_sku, v_hot_home)
  ON CONFLICT DO NOTHING;
  SELECT * INTO v_mark FROM transfer_mark m
  WHERE m.sku = p_sku AND m.hot_home = v_hot_home FOR UPDATE;

  FOR v_entry IN
    SELECT e.no, e.sale, e.kind, e.units, e.body
    FROM jsonb_to_recordset(p_entries)
      AS e (no bigint, sale text, kind text, units bigint, body jsonb)
    WHERE e.no > v_mark.applied ORDER BY e.no
  LOOP
    IF v_entry.no <> v_mark.applied + 1 THEN
      RAISE EXCEPTION 'transfer % of % came after transfer %', v_entry.no, p_sku, v_mark.applied
        USING ERRCODE = 'FS500';
    END IF;
    v_sale := v_entry.sale;
    IF v_entry.kind = 'home' THEN
      IF v_mark.copied_home <> v_entry.no THEN
        RAISE EXCEPTION 'buyers and outcomes of % are not copied yet', p_sku
          USING ERRCODE = 'FS004';
      END IF;
      PERFORM receive_sku(p_sku, v_entry.units, v_entry.body);
    ELSIF v_entry.kind = 'buyers' THEN
      v_users := v_users || ARRAY(SELECT jsonb_array_elements_text(v_entry.body->'users'));
      v_lower := v_lower || ARRAY(SELECT jsonb_array_elements_text(v_entry.body->'units')::int);
    ELSIF v_entry.kind = 'units' THEN
      v_units := v_units + v_entry.units;
    ELSE
      v_home := (SELECT CASE h.name WHEN 'regular' THEN 'regular' ELSE 'hot' END FROM catalog.home h
                 WHERE h.here AND h.number = catalog.home_of_order((v_entry.body->>'order_no')::bigint));
      IF v_home IS NULL THEN
        PERFORM hot.send_transfer(p_sku, v_sale, 'payment', v_entry.units, v_entry.body);
        v_booked := true;
      ELSE
        EXECUTE format('SELECT %I.book_transferred_units($1, $2, $3)', v_home) INTO v_booked
          USING (v_entry.body->>'order_no')::bigint, v_entry.body->>'payment_ref', v_entry.units::int;
      END IF;
      IF NOT v_booked THEN
        v_users := v_users || (v_entry.body->>'user_id');
        v_lower := v_lower || v_entry.units::int;
        v_units := v_units + v_entry.units;
      END IF;
    END IF;
    v_mark.applied := v_entry.no;
    v_mark.units_applied := v_mark.units_applied + v_entry.units;
  END LOOP;

  -- All units at once, buyers before slots, as place_orders does. They go to the schema where the SKU
  -- lives now. If that schema is on the other server, they become new transfers.
  v_home := (SELECT k.schema FROM catalog.sku k WHERE k.sku = p_sku);
  IF cardinality(v_users) > 0 THEN
    EXECUTE format('SELECT %I.lower_buyers($1, $2, $3, $4)', v_home)
      USING v_sale, p_sku, v_users, v_lower;
  END IF;
  IF v_units > 0 THEN
    EXECUTE format('SELECT %I.put_units($1, $2, $3, $4)', v_home)
      USING v_sale, p_sku, v_units::int, 'move';
  END IF;
  UPDATE transfer_mark m SET applied = v_mark.applied, units_applied = v_mark.units_applied
  WHERE m.sku = p_sku AND m.hot_home = v_hot_home AND m.applied <> v_mark.applied;
  RETURN v_mark.applied;
END
$routine$;

ALTER FUNCTION :schema.apply_transfers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.apply_transfers IS
  'Applies the transfers that the other server sent for a SKU: in order, each once';
REVOKE ALL ON FUNCTION :schema.apply_transfers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.apply_transfers
  TO flashsale_worker, flashsale_ops;
