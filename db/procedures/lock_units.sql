-- lock_units: locks free units of a numbered SKU, best first. Part of place_numbered, pay_order and serve_waitlist.
-- Call it before buyers and slots are locked. Units that are locked and not given to an order are free again at the
-- end of the transaction.
--
-- Parameters
--   p_sale, p_sku  the SKU
--   p_after        only positions behind this one; 0: all
--   p_count        at most so many
--   p_wait         wait for units that others have locked, instead of passing them over
-- Result: the positions, ascending
-- Tables: reads unit
-- Locks: unit rows, ascending: only unlocked ones (SKIP LOCKED), unless p_wait
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.lock_units(
  p_sale text, p_sku text, p_after int, p_count int, p_wait boolean
) RETURNS int[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_held int[];
BEGIN
  IF p_wait THEN
    SELECT array_agg(f.position) INTO v_held
    FROM (SELECT u.position FROM unit u
          WHERE u.sale = p_sale AND u.sku = p_sku AND u.order_no IS NULL AND u.position > p_after
          ORDER BY u.position LIMIT p_count FOR UPDATE) f;
  ELSE
    SELECT array_agg(f.position) INTO v_held
    FROM (SELECT u.position FROM unit u
          WHERE u.sale = p_sale AND u.sku = p_sku AND u.order_no IS NULL AND u.position > p_after
          ORDER BY u.position LIMIT p_count FOR UPDATE SKIP LOCKED) f;
  END IF;
  RETURN coalesce(v_held, '{}');
END
$routine$;

ALTER FUNCTION :schema.lock_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.lock_units IS
  'Locks free units of a numbered SKU, best first: part of place_numbered, pay_order and serve_waitlist';
REVOKE ALL ON FUNCTION :schema.lock_units FROM PUBLIC;
