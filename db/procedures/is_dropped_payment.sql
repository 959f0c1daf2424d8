-- is_dropped_payment: returns whether a payment was booked for an order whose sale has been dropped since. Providers
-- repeat their callbacks, and such money must not be refunded for want of its order. Call it on the server of the order.
--
-- Parameters: p_payment_ref
-- Result: true also if the payment was refunded before its sale was dropped; false if it was never booked, if its sale
--   is still there, or if it was dropped longer than dropped_payments_keep_s ago and another was dropped since
-- Tables: reads catalog.payment_reference
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.is_dropped_payment(p_payment_ref text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT EXISTS (
    SELECT FROM payment_reference r WHERE r.payment_ref = p_payment_ref AND r.dropped_at IS NOT NULL)
$routine$;

ALTER FUNCTION catalog.is_dropped_payment OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.is_dropped_payment IS
  'Whether a payment was booked for an order whose sale has been dropped since';
REVOKE ALL ON FUNCTION catalog.is_dropped_payment FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.is_dropped_payment TO flashsale_web;
