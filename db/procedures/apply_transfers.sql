-- apply_transfers: applies post of the other server to a SKU, in its order and each piece once, however
-- often and by however many carriers it is brought. Called where the schema is at home.
--
-- Parameters
--   p_sku
--   p_entries  what pending_transfers of the other server gave, numbers without a gap
-- Result: the last number applied, now or before
--   home     the SKU lives here from now on
--   buyers, units  orders of the other side gave units up. If the SKU has moved on, they are posted
--            after it
--   payment  units for a late payment of an order here; what it cannot use any more goes back
-- Tables: writes catalog.sku, transfer_mark, stock_slot, stock_movement, buyer; orders, payment and
--   outbox for a payment; post of the other schema if the SKU lives on the other server
-- Locks, in order: with home in it the catalog.sku row; the advisory lock of the SKU, shared, with home
--   in it exclusively; the transfer_mark row; orders row; buyer rows; slots
-- Errors: FS004 the copy of buyers and outcomes is not complete as of this home; FS500 a number is
--   missing (a bug, or post was deleted)

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
  v_users    text[] := '{}';
  v_lower    int[] := '{}';
  v_units    bigint := 0;
BEGIN
  IF v_has_home THEN
    PERFORM FROM catalog.sku k WHERE k.sku = p_sku FOR UPDATE;
    PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(hashtext('sku'), hashtext(p_sku));
  END IF;
  INSERT INTO transfer_mark (sku) VALUES (p_sku) ON CONFLICT (sku) DO NOTHING;
  SELECT * INTO v_mark FROM transfer_mark m WHERE m.sku = p_sku FOR UPDATE;

  FOR v_entry IN
    SELECT e.no, e.sale, e.kind, e.units, e.body
    FROM jsonb_to_recordset(p_entries)
      AS e (no bigint, sale text, kind text, units bigint, body jsonb)
    WHERE e.no > v_mark.applied ORDER BY e.no
  LOOP
    IF v_entry.no <> v_mark.applied + 1 THEN
      RAISE EXCEPTION 'post % of % came after post %', v_entry.no, p_sku, v_mark.applied
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
    ELSIF NOT book_transferred_units((v_entry.body->>'order_no')::bigint, v_entry.body->>'payment_ref',
                        v_entry.units::int) THEN
      v_users := v_users || (v_entry.body->>'user_id');
      v_lower := v_lower || v_entry.units::int;
      v_units := v_units + v_entry.units;
    END IF;
    v_mark.applied := v_entry.no;
    v_mark.units_applied := v_mark.units_applied + v_entry.units;
  END LOOP;

  -- All at once, buyers before slots, as place_orders does: to the schema where the SKU lives now,
  -- which may be the other one's post again.
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
  WHERE m.sku = p_sku AND m.applied <> v_mark.applied;
  RETURN v_mark.applied;
END
$routine$;

ALTER FUNCTION :schema.apply_transfers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.apply_transfers IS
  'Applies post of the other server, in its order and each piece once';
REVOKE ALL ON FUNCTION :schema.apply_transfers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.apply_transfers
  TO flashsale_worker, flashsale_ops;
