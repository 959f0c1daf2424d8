-- expire_orders: expires unpaid orders of all SKUs whose payment window has ended, in one transaction. For DBAs, and
-- for workers of the last release.
--
-- Parameters: p_limit, the largest number of orders to expire
-- Result: as in expire_orders_of
-- Tables: reads catalog.sku and orders; writes the tables of expire_orders_of, none if no order is due
-- Locks: those of expire_orders_of
-- Errors: those of expire_orders_of

CREATE OR REPLACE FUNCTION :schema.expire_orders(p_limit int)
RETURNS TABLE (sku text, orders bigint, units bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  RETURN QUERY SELECT e.sku, e.orders, e.units FROM expire_orders_of(overdue_skus(), p_limit) e;
END
$routine$;

ALTER FUNCTION :schema.expire_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.expire_orders IS
  'Expires unpaid orders whose payment window has ended; many workers may call it at once';
REVOKE ALL ON FUNCTION :schema.expire_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.expire_orders
  TO flashsale_worker;
