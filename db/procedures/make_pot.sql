-- make_pot: makes a new SKU a pot of money that is divided into packets, or finds that it is so. Call it on each
-- server, between the creation of the SKU and its first order.
--
-- Parameters
--   p_sku       the SKU. It costs nothing, its user limit is 1, and it has as many units as packets
--   p_amount    all that is given away, in the currency of the SKU
--   p_packets   the number of packets
--   p_division  random, equal or list: how it was divided
--   p_list      the amounts of the list, as the merchant gave them; NULL without a list
--   p_amounts   the amounts by position, in the random order in which they are drawn; p_salt, 64 hexadecimal digits. Both
--               are NULL on a server where the SKU does not live
-- Result: true if the SKU became a pot, false if it was this one already. Its division then stays as it was
-- Tables: reads catalog.currency, buyer and stock_slot of both schemas; writes catalog.sku, catalog.pot, and unit of the schema
--   of the SKU
-- Locks, in order: the catalog.sku row; the advisory lock of the SKU, exclusively
-- Errors: FS001 amounts that are not of the pot; FS002 no such SKU; FS003 it is another pot, or has buyers or units as
--   another kind of goods; 23514 it has a price or another limit

CREATE OR REPLACE FUNCTION catalog.make_pot(
  p_sku text, p_amount numeric, p_packets int, p_division text, p_list numeric[], p_amounts numeric[], p_salt text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_sku    catalog.sku%ROWTYPE;
  v_pot    catalog.pot%ROWTYPE;
  v_digits int;
  v_units  bigint;
BEGIN
  SELECT * INTO v_sku FROM sku k WHERE k.sku = p_sku FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no SKU %', p_sku USING ERRCODE = 'FS002';
  END IF;
  SELECT * INTO v_pot FROM pot t WHERE t.sku = p_sku;
  IF FOUND AND (v_pot.amount, v_pot.packets, v_pot.division) = (p_amount, p_packets, p_division)
     AND v_pot.list IS NOT DISTINCT FROM p_list THEN
    RETURN false;
  END IF;
  -- It waits for the batches under way, so none of them decides by other terms after this.
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  SELECT coalesce(sum(s.remaining), 0) INTO v_units
  FROM (SELECT * FROM regular.stock_slot UNION ALL SELECT * FROM hot.stock_slot) s WHERE s.sku = p_sku;
  IF v_sku.goods <> 'counted' OR NOT v_sku.abroad AND v_units <> p_packets
     OR EXISTS (SELECT FROM regular.buyer b WHERE b.sale = v_sku.sale AND b.sku = p_sku)
     OR EXISTS (SELECT FROM hot.buyer b WHERE b.sale = v_sku.sale AND b.sku = p_sku) THEN
    RAISE EXCEPTION 'SKU % exists with other values', p_sku USING ERRCODE = 'FS003';
  END IF;

  v_digits := (SELECT c.minor_digits FROM currency c WHERE c.currency = v_sku.currency);
  IF v_sku.abroad <> (p_amounts IS NULL) OR (p_amounts IS NULL) <> (p_salt IS NULL)
     OR p_amounts IS NOT NULL AND (
       SELECT (count(*), sum(a.amount)) IS DISTINCT FROM (p_packets::bigint, p_amount)
              OR bool_or(a.amount < 10.0 ^ -v_digits OR a.amount <> round(a.amount, v_digits))
              OR p_list IS NOT NULL AND array_agg(a.amount ORDER BY a.amount)
                 <> ARRAY(SELECT l.amount FROM unnest(p_list) AS l (amount) ORDER BY l.amount)
       FROM unnest(p_amounts) AS a (amount)) IS NOT FALSE THEN
    RAISE EXCEPTION 'the packets of SKU % do not add up to its pot, or are none of its currency', p_sku
      USING ERRCODE = 'FS001';
  END IF;

  UPDATE sku k SET goods = 'amounts' WHERE k.sku = p_sku;
  INSERT INTO pot (sku, amount, packets, division, list, salt, sha256)
  SELECT p_sku, p_amount, p_packets, p_division, p_list, p_salt,
         CASE WHEN p_salt IS NOT NULL THEN encode(sha256(convert_to(
           p_salt || E'\n' || string_agg(round(a.amount, v_digits) || E'\n', '' ORDER BY a.position), 'UTF8')), 'hex') END
  FROM unnest(p_amounts) WITH ORDINALITY AS a (amount, position);
  IF p_amounts IS NOT NULL THEN
    EXECUTE format($sql$
      INSERT INTO %I.unit (sale, sku, position, amount)
      SELECT $1, $2, a.position, round(a.amount, $3) FROM unnest($4) WITH ORDINALITY AS a (amount, position)
    $sql$, v_sku.schema) USING v_sku.sale, p_sku, v_digits, p_amounts;
  END IF;
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.make_pot OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.make_pot IS 'Makes a new SKU a pot of money that is divided into packets';
REVOKE ALL ON FUNCTION catalog.make_pot FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.make_pot TO flashsale_ops, flashsale_console;
