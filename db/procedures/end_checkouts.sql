-- end_checkouts: marks the payment sessions of orders that have just ended, so that workers end them at the
-- provider. It is a trigger of orders, so it covers every way in which an order ends.
--
-- Parameters: none
-- Result: none (a statement trigger)
-- Tables: writes checkout
-- Locks: the checkout rows of the orders; the caller holds the orders rows
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.end_checkouts() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  UPDATE checkout c SET state = 'ending', next_try_at = now(), changed_at = now()
  FROM changed o
  WHERE c.order_no = o.order_no AND c.sale = o.sale AND c.state = 'open' AND o.status <> 'ordered';
  RETURN NULL;
END
$routine$;

ALTER FUNCTION :schema.end_checkouts OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.end_checkouts IS
  'Trigger: marks the payment sessions of ended orders for workers, which end them at the provider';
REVOKE ALL ON FUNCTION :schema.end_checkouts FROM PUBLIC;

CREATE OR REPLACE TRIGGER end_checkouts
  AFTER UPDATE ON :schema.orders
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION :schema.end_checkouts();
