-- leave_waitlist: gives up the place of a user in the waitlist of a SKU. An order that was made for the
-- user stays; cancel_order gives it up.
--
-- Parameters: p_sku, p_user_id
-- Result: true if the user had a place
-- Tables: reads catalog.sku; writes waiting
-- Locks: the waiting row
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.leave_waitlist(p_sku text, p_user_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  DELETE FROM waiting w
  WHERE w.user_id = p_user_id AND w.sku = p_sku AND w.state = 'waiting'
    AND w.sale = (SELECT k.sale FROM catalog.sku k WHERE k.sku = p_sku);
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION :schema.leave_waitlist OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.leave_waitlist IS
  'Gives up the place of a user in the waitlist of a SKU';
REVOKE ALL ON FUNCTION :schema.leave_waitlist FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.leave_waitlist TO flashsale_web, flashsale_ops;
