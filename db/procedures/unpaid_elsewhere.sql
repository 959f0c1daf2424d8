-- unpaid_elsewhere: tells whether the other schema has unpaid orders of a SKU that has moved here. Their
-- units come here if they are not paid, so place_mixed_batch answers units_may_return. Part of
-- place_mixed_batch.
--
-- Parameters: p_sale, p_sku
-- Result: true if there are any
-- Tables: reads orders of the other schema; transfer_mark of both schemas, for orders on another server
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.unpaid_elsewhere(p_sale text, p_sku text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT EXISTS (
    SELECT FROM regular.orders o
    WHERE current_schema() = 'hot' AND o.sale = p_sale AND o.sku = p_sku AND o.status = 'ordered'
    UNION ALL
    SELECT FROM hot.orders o
    WHERE current_schema() = 'regular' AND o.sale = p_sale AND o.sku = p_sku
      AND o.status = 'ordered'
    UNION ALL
    SELECT FROM regular.transfer_mark m WHERE m.sku = p_sku AND m.unpaid_until > now()
    UNION ALL
    SELECT FROM hot.transfer_mark m WHERE m.sku = p_sku AND m.unpaid_until > now())
$routine$;

ALTER FUNCTION :schema.unpaid_elsewhere OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.unpaid_elsewhere IS
  'Whether the other schema has unpaid orders of the SKU: part of place_mixed_batch';
REVOKE ALL ON FUNCTION :schema.unpaid_elsewhere FROM PUBLIC;
