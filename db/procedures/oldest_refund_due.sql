-- oldest_refund_due: returns since when the money that waits longest for its refund has waited. It counts
-- the money of every provider, also money that is given back by hand.
--
-- Parameters: none
-- Result: when the payment of that money was reported, or when the shop cancelled its order; NULL if nothing is due
-- Tables: reads payment, refund
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.oldest_refund_due() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT min(coalesce(p.due_at, p.received_at))
  FROM refund r JOIN payment p ON p.payment_ref = r.payment_ref AND p.sale = r.sale
  WHERE r.state = 'due'
$routine$;

ALTER FUNCTION :schema.oldest_refund_due OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.oldest_refund_due IS
  'Since when the money has waited that waits longest for its refund';
REVOKE ALL ON FUNCTION :schema.oldest_refund_due FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.oldest_refund_due TO flashsale_worker, flashsale_ops, flashsale_readonly;
