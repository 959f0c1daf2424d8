-- send_sku_to: gives a SKU away to this schema of another server. Call it on the server where the SKU lives, in
-- the schema where it is to live: hot.send_sku_to('TV', 'hot') on the server of regular. No server decides its requests
-- until apply_transfers of the other server has received it. Whatever its orders here give up later follows
-- in further transfers.
--
-- Parameters: p_sku; p_home, the home that it goes to; p_slots, the slots that it gets there, NULL for as many as it has
-- Result: false if the SKU has already left or never lived here
-- Tables: reads catalog.tunable, catalog.home, orders of both schemas, and transfer_mark of the other schema, which
--   the SKU leaves; writes catalog.sku, transfer, transfer_mark; stock_slot, stock_movement and waiting of the other schema
-- Locks, in order
--   1. the catalog.sku row
--   2. the advisory lock of the SKU, exclusively. It is held for milliseconds
--   3. the slots of the SKU, then the places in its waitlist
--   4. the transfer_mark row
-- Errors: FS001 slots out of range; FS002 no such SKU, or no such home: prepare has not told this server of it;
--   FS003 the home is on this server; FS004 the SKU is daily, a pot or numbered

CREATE OR REPLACE FUNCTION :schema.send_sku_to(
  p_sku text, p_home text, p_slots int DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sku          catalog.sku%ROWTYPE;
  v_units        bigint;
  v_slots        int;
  v_unpaid_until timestamptz;
  v_line         jsonb;
BEGIN
  IF p_slots NOT BETWEEN 1 AND 1024 THEN
    RAISE EXCEPTION 'a SKU has 1 to 1024 slots' USING ERRCODE = 'FS001';
  END IF;
  SELECT * INTO v_sku FROM catalog.sku k WHERE k.sku = p_sku FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  IF current_schema() = 'hot' AND NOT EXISTS (
    SELECT FROM catalog.home h WHERE h.name = p_home AND h.name <> 'regular') THEN
    RAISE EXCEPTION 'no home %: run prepare', p_home USING ERRCODE = 'FS002';
  END IF;
  -- A caller whose URLs are mixed up: no other server would ever take the SKU.
  IF EXISTS (SELECT FROM catalog.home h WHERE h.name = p_home AND h.name <> 'regular' AND h.here) THEN
    RAISE EXCEPTION 'the home % is on this server: look at HOT_DATABASE_URLS', p_home USING ERRCODE = 'FS003';
  END IF;
  IF v_sku.abroad OR v_sku.schema = current_schema() THEN RETURN false; END IF;
  IF v_sku.goods <> 'counted' THEN
    RAISE EXCEPTION 'SKU % is %: it stays in its home', p_sku,
      CASE v_sku.goods WHEN 'amounts' THEN 'a pot of money' ELSE v_sku.goods END USING ERRCODE = 'FS004';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));

  EXECUTE format('SELECT units, slots FROM %I.empty_slots($1, $2)', v_sku.schema)
    INTO v_units, v_slots USING v_sku.sale, p_sku;
  -- By then every unpaid order is paid or expired. If not, audit reports the overdue orders.
  EXECUTE format($sql$
    SELECT greatest(
      (SELECT max(o.pay_before) FROM regular.orders o
       WHERE o.sale = $2 AND o.sku = $1 AND o.status = 'ordered'),
      (SELECT max(o.pay_before) FROM hot.orders o
       WHERE o.sale = $2 AND o.sku = $1 AND o.status = 'ordered'),
      (SELECT max(m.unpaid_until) FROM %1$I.transfer_mark m WHERE m.sku = $1))
      + catalog.tunable('overdue_alarm_ms') * interval '1 ms'
  $sql$, v_sku.schema) INTO v_unpaid_until USING p_sku, v_sku.sale;

  EXECUTE format($sql$
    WITH gone AS (
      DELETE FROM %I.waiting w
      WHERE w.sale = $2 AND w.sku = $1 AND w.state = 'waiting' RETURNING w.*)
    SELECT coalesce(jsonb_agg(to_jsonb(g)), '[]') FROM gone g
  $sql$, v_sku.schema) INTO v_line USING p_sku, v_sku.sale;

  UPDATE catalog.sku k
  SET schema = current_schema(), abroad = true, moves = k.moves + 1, moved_at = now(),
      hot_home = CASE current_schema() WHEN 'hot' THEN p_home END
  WHERE k.sku = p_sku;
  PERFORM send_transfer(p_sku, v_sku.sale, 'home', v_units, jsonb_build_object(
    'slots', coalesce(p_slots, v_slots), 'state', v_sku.state, 'line_open', v_sku.line_open,
    'moves', v_sku.moves + 1,
    'unpaid_until', v_unpaid_until, 'line', v_line));
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.send_sku_to OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.send_sku_to IS
  'Gives a SKU away to this schema of another server';
REVOKE ALL ON FUNCTION :schema.send_sku_to FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.send_sku_to TO flashsale_ops;
