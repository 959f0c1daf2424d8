-- overdue_skus: returns the SKUs that have unpaid orders in this schema whose payment window has ended, for
-- expire_orders_of.
--
-- Parameters: none
-- Result: the SKUs, ascending; an empty array if no order is due
-- Tables: reads catalog.sku and orders
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.overdue_skus() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  -- Workers ask once a second. A schema without SKUs must not open the tables of all sales for nothing.
  IF NOT EXISTS (SELECT FROM catalog.sku k WHERE k.schema = current_schema() OR k.moves > 0) THEN
    RETURN ARRAY[]::text[];
  END IF;
  RETURN ARRAY(
    SELECT k.sku FROM catalog.sku k
    WHERE (k.schema = current_schema() OR k.moves > 0) AND EXISTS (
      SELECT FROM orders o
      WHERE o.sale = k.sale AND o.sku = k.sku AND o.status = 'ordered' AND o.pay_before <= now())
    ORDER BY k.sku);
END
$routine$;

ALTER FUNCTION :schema.overdue_skus OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.overdue_skus IS
  'SKUs with unpaid orders whose payment window has ended: for expire_orders_of';
REVOKE ALL ON FUNCTION :schema.overdue_skus FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.overdue_skus
  TO flashsale_worker;
