-- open_pot: shows the salt and all packets of a pot of this schema, once its sale is over, so that anyone can check
-- the commitment: SHA-256 of the salt and the amounts by position, a line each.
--
-- Parameters: p_sku
-- Result: one row
--   salt, sha256  the salt, and the commitment that was shown before the sale opened
--   amounts       the amounts by position, as text with the digits of the currency
-- Tables: reads catalog.sku, catalog.sale, catalog.tunable, catalog.pot, unit
-- Locks: none
-- Errors: FS002 this schema has no such pot; FS004 the sale is not over: whoever knew the packets that are left could
--   choose when to draw

CREATE OR REPLACE FUNCTION :schema.open_pot(p_sku text)
RETURNS TABLE (salt text, sha256 text, amounts text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sku record;
BEGIN
  SELECT k.sale, t.salt, t.sha256, now() > s.closes_at + catalog.tunable('late_grace_ms') * interval '1 ms' AS is_over
  INTO v_sku
  FROM catalog.sku k JOIN catalog.pot t ON t.sku = k.sku JOIN catalog.sale s ON s.sale = k.sale
  WHERE k.sku = p_sku AND k.schema = current_schema() AND NOT k.abroad;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no pot % in %', p_sku, current_schema() USING ERRCODE = 'FS002';
  END IF;
  IF NOT v_sku.is_over THEN
    RAISE EXCEPTION 'sale % is not over: the packets of % stay secret until then', v_sku.sale, p_sku
      USING ERRCODE = 'FS004';
  END IF;
  RETURN QUERY
  SELECT v_sku.salt, v_sku.sha256, array_agg(u.amount::text ORDER BY u.position)
  FROM unit u WHERE u.sale = v_sku.sale AND u.sku = p_sku;
END
$routine$;

ALTER FUNCTION :schema.open_pot OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.open_pot IS 'Shows the salt and all packets of a pot, once its sale is over';
REVOKE ALL ON FUNCTION :schema.open_pot FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.open_pot TO flashsale_ops, flashsale_readonly, flashsale_console;
