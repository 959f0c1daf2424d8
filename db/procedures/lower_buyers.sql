-- lower_buyers: lowers the units that users hold of a SKU that lives in this schema. If the SKU lives in
-- this schema of another server, a transfer tells that server. Part of place_orders, place_plain_batch,
-- place_mixed_batch and apply_transfers, and of end_orders and expire_orders_of of both schemas; not to be
-- called alone.
--
-- Parameters
--   p_sale, p_sku        the sale and the SKU
--   p_user_ids, p_units  arrays of the same length: the users, and the units that each gives up. A user may
--                        come repeatedly
-- Result: none
-- Tables: reads catalog.sku; writes buyer; if the SKU lives in this schema of another server, transfer and
--   transfer_mark instead
-- Locks: the buyer rows, ascending by user; for a SKU of another server, the lock of send_transfer instead
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.lower_buyers(
  p_sale text, p_sku text, p_user_ids text[], p_units int[]
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  IF (SELECT k.abroad FROM catalog.sku k WHERE k.sku = p_sku) THEN
    PERFORM send_transfer(p_sku, p_sale, 'buyers', 0,
                          jsonb_build_object('users', p_user_ids, 'units', p_units));
    RETURN;
  END IF;
  PERFORM FROM buyer b
  WHERE b.sale = p_sale AND b.sku = p_sku AND b.user_id = ANY (p_user_ids)
  ORDER BY b.user_id
  FOR UPDATE;
  UPDATE buyer b SET units = b.units - g.units
  FROM (SELECT e.user_id, sum(e.units) AS units
        FROM unnest(p_user_ids, p_units) AS e (user_id, units) GROUP BY 1) g
  -- The users once more: a plan that is made early must not read all buyers to join them.
  WHERE b.user_id = g.user_id AND b.user_id = ANY (p_user_ids) AND b.sku = p_sku AND b.sale = p_sale;
END
$routine$;

ALTER FUNCTION :schema.lower_buyers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.lower_buyers IS
  'Lowers the units that users hold: part of place_orders, end_orders and expire_orders_of';
REVOKE ALL ON FUNCTION :schema.lower_buyers FROM PUBLIC;
