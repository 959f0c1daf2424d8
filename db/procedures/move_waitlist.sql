-- move_waitlist: brings the waitlist of a SKU to this schema. Places that have ended stay in the schema of
-- their orders. Part of move_sku; not to be called alone.
--
-- Parameters: p_from, the schema that the SKU leaves; p_sale, p_sku
-- Result: the number of places that were moved
-- Tables: writes waiting of both schemas, and buyer (a row with 0 units for each user who has none)
-- Locks: the waiting rows and the keys of the buyer rows. The caller holds the advisory lock of the SKU
--   exclusively, so only leave_waitlist, which waits for nothing, can hold one of these rows
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.move_waitlist(p_from text, p_sale text, p_sku text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_waiting bigint;
BEGIN
  EXECUTE format($sql$
    WITH gone AS (
      DELETE FROM %1$I.waiting w
      WHERE w.sale = $1 AND w.sku = $2 AND w.state = 'waiting' RETURNING w.*
    ), known AS (
      INSERT INTO buyer (sale, sku, user_id, units)
      SELECT g.sale, g.sku, g.user_id, 0 FROM gone g ON CONFLICT (user_id, sku, sale) DO NOTHING
    )
    INSERT INTO waiting SELECT * FROM gone
  $sql$, p_from) USING p_sale, p_sku;
  GET DIAGNOSTICS v_waiting = ROW_COUNT;
  RETURN v_waiting;
END
$routine$;

ALTER FUNCTION :schema.move_waitlist OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.move_waitlist IS
  'Brings the waitlist of a SKU to this schema: part of move_sku';
REVOKE ALL ON FUNCTION :schema.move_waitlist FROM PUBLIC;
