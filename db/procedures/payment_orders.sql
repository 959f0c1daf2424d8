-- payment_orders: returns the orders that a payment came for, by the provider's reference.
--
-- Parameters: p_payment_refs, the reference in each form that it may have, at most 10
-- Result: the order numbers, the newest payment first. Several only if older versions booked a reference
--   for more than one order
-- Tables: reads payment
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.payment_orders(p_payment_refs text[])
RETURNS TABLE (order_no bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT p.order_no FROM payment p WHERE p.payment_ref = ANY (p_payment_refs[1:10])
  ORDER BY p.received_at DESC LIMIT 10
$routine$;

ALTER FUNCTION :schema.payment_orders OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.payment_orders IS
  'The orders that a payment came for, by the provider''s reference';
REVOKE ALL ON FUNCTION :schema.payment_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.payment_orders TO flashsale_ops, flashsale_console;
