-- set_homes: tells this server which homes of the installation it is, and the server of regular which hot homes
-- there are. Sets the sequences of the order numbers, so that a number tells its home (home_of_order). prepare
-- calls it. Calling it again changes nothing.
--
-- Parameters
--   p_hub   catalog.installation.id of the server of regular
--   p_here  the homes that this server is: regular, or a hot home, or regular and hot
--   p_away  on the server of regular: the hot homes on other servers, also if it is hot itself
-- Result: none
-- Tables: reads catalog.sale, catalog.sku, orders and transfer_mark of both schemas; writes catalog.home and
--   catalog.notice_position. Drops the primary keys of
--   transfer and transfer_mark of both schemas, which allow no hot home but hot, if there are others
-- Locks: catalog.home, exclusively; the sequences, for a moment; the tables whose keys are dropped
-- Errors: FS003 this server is another home, or belongs to another installation; FS004 SKUs live or were sold in
--   a home that is gone, the order numbers are too high, or the schema hot has outcomes of other homes

CREATE OR REPLACE FUNCTION catalog.set_homes(p_hub uuid, p_here text[], p_away text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_is_hub boolean := 'regular' = ANY (p_here);
  v_other  text;
  v_sku    record;
  v_number record;
  v_start  bigint;
  v_schema text;
BEGIN
  LOCK TABLE catalog.home IN EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM catalog.home h WHERE h.hub <> p_hub) AND EXISTS (SELECT FROM catalog.sale) THEN
    RAISE EXCEPTION 'this server belongs to another installation' USING ERRCODE = 'FS003';
  END IF;
  -- If prepare has never told this server which home it is, its orders tell it.
  v_other := coalesce(
    (SELECT min(h.name) FROM catalog.home h WHERE h.here AND h.hub = p_hub AND h.name <> ALL (p_here)),
    (SELECT h.name FROM (SELECT catalog.home_of_order(min(o.order_no)) AS number FROM hot.orders o) n
     JOIN catalog.home h USING (number) WHERE h.name <> ALL (p_here)),
    (SELECT 'regular' FROM regular.orders LIMIT 1));
  IF NOT v_is_hub AND v_other IS NOT NULL THEN
    RAISE EXCEPTION 'this server is the home % already', v_other USING ERRCODE = 'FS003';
  END IF;
  SELECT min(k.sku) AS sku, coalesce(k.hot_home, 'hot') AS home INTO v_sku FROM catalog.sku k
  WHERE v_is_hub AND k.schema = 'hot'
    AND CASE WHEN k.abroad THEN coalesce(k.hot_home, 'hot') <> ALL (p_away) ELSE 'hot' <> ALL (p_here) END
  GROUP BY 2 ORDER BY 2 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'SKUs live in the home %, such as %: leave it where it is, and move them to regular first',
      v_sku.home, v_sku.sku USING ERRCODE = 'FS004';
  END IF;

  -- A SKU leaves its loads, and orders that may still be paid or refunded, in every home where it was.
  SELECT m.sku, m.hot_home AS home INTO v_sku
  FROM (SELECT r.sku, r.hot_home FROM regular.transfer_mark r
        UNION SELECT h.sku, h.hot_home FROM hot.transfer_mark h) m JOIN catalog.sku k ON k.sku = m.sku
  WHERE v_is_hub AND m.hot_home <> ALL (p_away) AND m.hot_home <> ALL (p_here)
  ORDER BY m.hot_home, m.sku LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'SKUs were sold in the home %, such as %: leave it where it is until their sales are dropped',
      v_sku.home, v_sku.sku USING ERRCODE = 'FS004';
  END IF;
  -- Another server would give the numbers of these orders once more.
  IF v_is_hub AND 'hot' <> ALL (p_here) AND EXISTS (SELECT FROM hot.orders) THEN
    RAISE EXCEPTION 'orders of the home hot are on this server: leave it here, and call other servers hot-1, hot-2'
      USING ERRCODE = 'FS004';
  END IF;

  -- They have no mark that tells them from outcomes of its own (copy_in).
  IF v_is_hub AND 'hot' = ANY (p_here) AND EXISTS (SELECT FROM hot.outcome)
     AND NOT EXISTS (SELECT FROM catalog.home h WHERE h.here AND h.name = 'hot') THEN
    RAISE EXCEPTION 'outcomes of other hot homes are on this server: drop their sales before hot comes here'
      USING ERRCODE = 'FS004';
  END IF;

  DELETE FROM catalog.home;
  INSERT INTO catalog.home (name, number, here, hub)
  SELECT n.name, CASE n.name WHEN 'regular' THEN 1 WHEN 'hot' THEN 2
                 ELSE 2 * substr(n.name, 5)::int + 2 END, n.name = ANY (p_here), p_hub
  FROM unnest(p_here || p_away) AS n (name);

  INSERT INTO catalog.notice_position (schema) SELECT h.name FROM catalog.home h
  ON CONFLICT (schema) DO NOTHING;

  FOR v_number IN
    SELECT s.schemaname AS schema, h.number, s.increment_by, coalesce(s.last_value, 0) AS last
    FROM catalog.home h
    JOIN pg_sequences s ON s.sequencename = 'order_no'
      AND s.schemaname = CASE h.name WHEN 'regular' THEN 'regular' ELSE 'hot' END
    WHERE h.here AND (s.increment_by <> 1000 OR s.start_value % 1000 <> h.number)
  LOOP
    IF v_number.increment_by <> 1000 AND v_number.last >= 1000000000 THEN
      RAISE EXCEPTION '%.order_no has reached %: from 1000000000 on, numbers have another form',
        v_number.schema, v_number.last USING ERRCODE = 'FS004';
    END IF;
    v_start := greatest(1000000000, v_number.last / 1000 * 1000 + 1000) + v_number.number;
    EXECUTE format('ALTER SEQUENCE %I.order_no INCREMENT 1000', v_number.schema)
            || format(' START %1$s RESTART %1$s', v_start);
  END LOOP;

  IF p_away <> '{}' AND p_away <> '{hot}' THEN
    FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
      EXECUTE format('ALTER TABLE %I.transfer DROP CONSTRAINT IF EXISTS transfer_pkey', v_schema);
      EXECUTE format('ALTER TABLE %I.transfer_mark DROP CONSTRAINT IF EXISTS transfer_mark_pkey', v_schema);
    END LOOP;
  END IF;
END
$routine$;

ALTER FUNCTION catalog.set_homes OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_homes IS
  'Tells a server which homes it is, and sets its order numbers: called by prepare';
REVOKE ALL ON FUNCTION catalog.set_homes FROM PUBLIC;
