-- mark_units: writes on locked free units which orders have them. Part of give_units and place_amounts.
--
-- Each row is deleted and written anew. An update would make a chain of versions, and PostgreSQL waits on it in spite
-- of SKIP LOCKED: when the update commits at this moment, a session that looks for free units locks the new version
-- too, and the next one waits for that session (heap_lock_updated_tuple). With 32 sessions some waited for seconds.
--
-- Parameters
--   p_sale, p_sku  the SKU
--   p_positions    the units, free and locked by this transaction (lock_units)
--   p_order_nos    the order of each
-- Result: how many were written; fewer than are given is a bug of the caller
-- Tables: writes unit
-- Locks: none but those that the caller holds
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.mark_units(p_sale text, p_sku text, p_positions int[], p_order_nos bigint[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_marked bigint;
BEGIN
  WITH free AS (
    DELETE FROM unit u USING unnest(p_positions, p_order_nos) AS d (position, order_no)
    WHERE u.sale = p_sale AND u.sku = p_sku AND u.position = d.position AND u.order_no IS NULL
    RETURNING u.position, u.amount, u.line, u.seat, d.order_no
  )
  INSERT INTO unit (sale, sku, position, amount, line, seat, order_no)
  SELECT p_sale, p_sku, f.position, f.amount, f.line, f.seat, f.order_no FROM free f;
  GET DIAGNOSTICS v_marked = ROW_COUNT;
  RETURN v_marked;
END
$routine$;

ALTER FUNCTION :schema.mark_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.mark_units IS
  'Writes on locked free units which orders have them: part of give_units and place_amounts';
REVOKE ALL ON FUNCTION :schema.mark_units FROM PUBLIC;
