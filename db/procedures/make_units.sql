-- make_units: makes a new SKU a section of numbered units, or finds that it is so. Call it on each server, between the
-- creation of the SKU and its first order.
--
-- Parameters
--   p_sku        the SKU. It has as many units as the section
--   p_seats      the seats as the merchant gave them; kept to compare them
--   p_units      how many they are
--   p_singles    avoid or allow: whether orders may leave a single seat free between others
--   p_positions  the position of each unit, ascending from 1: seats side by side have numbers that follow each other, and a
--                number is left out where a row ends. NULL on a server where the SKU does not live, like the next two
--   p_lines      the row of each seat; NULL for a unit that is in no row
--   p_labels     the seat in its row, or the serial number
-- Result: true if the SKU became numbered, false if it was this section already
-- Tables: reads buyer and stock_slot of both schemas; writes catalog.sku, catalog.section, and unit of the schema of the SKU
-- Locks, in order: the catalog.sku row; the advisory lock of the SKU, exclusively
-- Errors: FS001 units that are not those of the section, or of the same name; FS002 no such SKU; FS003 it is another
--   section, or has buyers or units as another kind of goods

CREATE OR REPLACE FUNCTION catalog.make_units(
  p_sku text, p_seats jsonb, p_units int, p_singles text, p_positions int[], p_lines text[], p_labels text[]
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_sku     catalog.sku%ROWTYPE;
  v_section catalog.section%ROWTYPE;
  v_units   bigint;
BEGIN
  SELECT * INTO v_sku FROM sku k WHERE k.sku = p_sku FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  SELECT * INTO v_section FROM section s WHERE s.sku = p_sku;
  IF FOUND AND (v_section.seats, v_section.singles) = (p_seats, p_singles) THEN RETURN false; END IF;
  -- It waits for the batches under way, so none of them decides by other terms after this.
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  SELECT coalesce(sum(s.remaining), 0) INTO v_units
  FROM (SELECT * FROM regular.stock_slot UNION ALL SELECT * FROM hot.stock_slot) s WHERE s.sku = p_sku;
  IF v_sku.goods <> 'counted' OR NOT v_sku.abroad AND v_units <> p_units
     OR EXISTS (SELECT FROM regular.buyer b WHERE b.sale = v_sku.sale AND b.sku = p_sku)
     OR EXISTS (SELECT FROM hot.buyer b WHERE b.sale = v_sku.sale AND b.sku = p_sku) THEN
    RAISE EXCEPTION 'SKU % exists with other values', p_sku USING ERRCODE = 'FS003';
  END IF;
  IF v_sku.abroad <> (p_positions IS NULL) OR p_positions IS NOT NULL AND (
       SELECT count(*) <> p_units OR count(u.label) <> p_units OR count(DISTINCT (u.line, u.label)) <> p_units
              OR count(u.position) <> p_units OR min(u.position) < 1 OR bool_or(u.position <= coalesce(u.before, 0))
       FROM (SELECT n.*, lag(n.position) OVER (ORDER BY n.at) AS before
             FROM unnest(p_positions, p_lines, p_labels) WITH ORDINALITY AS n (position, line, label, at)) u) IS NOT FALSE THEN
    RAISE EXCEPTION 'the units of SKU % are not those of its section, or two have the same name', p_sku
      USING ERRCODE = 'FS001';
  END IF;

  UPDATE sku k SET goods = 'numbered' WHERE k.sku = p_sku;
  INSERT INTO section (sku, seats, units, singles) VALUES (p_sku, p_seats, p_units, p_singles);
  IF p_positions IS NOT NULL THEN
    EXECUTE format($sql$
      INSERT INTO %I.unit (sale, sku, position, line, seat)
      SELECT $1, $2, n.position, n.line, n.label FROM unnest($3, $4, $5) AS n (position, line, label)
    $sql$, v_sku.schema) USING v_sku.sale, p_sku, p_positions, p_lines, p_labels;
  END IF;
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.make_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.make_units IS 'Makes a new SKU a section of numbered units';
REVOKE ALL ON FUNCTION catalog.make_units FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.make_units TO flashsale_ops, flashsale_console;
