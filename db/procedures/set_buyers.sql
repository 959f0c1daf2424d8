-- set_buyers: sets the units by which the limit of users is judged, after a home was set back. The caller has
-- added up the orders of all homes. Part of flashsale after-restore.
--
-- Parameters: p_sku; p_user_ids; p_units, as many
-- Result: none
-- Tables: reads catalog.sku; writes buyer
-- Locks, in order: the advisory lock of the SKU, exclusively; the buyer rows
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.set_buyers(p_sku text, p_user_ids text[], p_units int[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(p_sku));
  INSERT INTO buyer (sale, sku, user_id, units)
  SELECT k.sale, k.sku, u.user_id, u.units
  FROM unnest(p_user_ids, p_units) AS u (user_id, units)
  JOIN catalog.sku k ON k.sku = p_sku
  ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = excluded.units;
END
$routine$;

ALTER FUNCTION :schema.set_buyers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.set_buyers IS
  'Sets the units by which user limits are judged: part of flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.set_buyers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.set_buyers TO flashsale_ops;
