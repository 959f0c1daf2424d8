-- unit_map: tells which units of a numbered SKU are free. Web nodes keep the answer and ask once a second at most.
--
-- Parameters: p_sku, a SKU of this schema
-- Result: a character for each unit, by position: 1 free, 0 taken. NULL if the SKU has no numbered units here
-- Tables: reads catalog.sku, unit
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.unit_map(p_sku text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT string_agg(f.is_free, '')
  FROM (SELECT CASE WHEN u.order_no IS NULL THEN '1' ELSE '0' END AS is_free
        FROM unit u
        WHERE u.sku = p_sku AND u.sale = (SELECT k.sale FROM catalog.sku k WHERE k.sku = p_sku AND k.goods = 'numbered')
        ORDER BY u.position) f
$routine$;

ALTER FUNCTION :schema.unit_map OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.unit_map IS 'Tells which units of a numbered SKU are free, a character for each';
REVOKE ALL ON FUNCTION :schema.unit_map FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.unit_map TO flashsale_web;
