-- remove_sale: removes a sale that nobody bought from, at once. A sale that has never opened can go at any time.
-- One that has opened has to be over first (check_sale_over): requests may be on their way to it. If there are
-- two servers, call it on that of regular first: no ticket of the sale can exist after that.
--
-- Parameters: p_sale; p_by and p_reason: who removes it, and why (catalog.action). NULL as p_by: the login
-- Result: true if the sale was removed; false if this server does not have it
-- Tables: reads catalog.ticket_key, orders of both schemas; writes catalog.action; see delete_sale
-- Locks, in order: those of drop_sale
-- Errors: FS004 the sale has orders; those of check_sale_over; 55P03 another transaction held a lock: call again

CREATE OR REPLACE FUNCTION catalog.remove_sale(
  p_sale text, p_by text DEFAULT NULL, p_reason text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
-- Orders of other sales may wait behind this call: the limit keeps their delay short.
SET lock_timeout = '500ms'
AS $routine$
DECLARE
  v_sale catalog.sale%ROWTYPE;
  v_skus text[];
BEGIN
  SELECT * INTO v_sale FROM sale s WHERE s.sale = p_sale FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  v_skus := ARRAY(SELECT k.sku FROM sku k WHERE k.sale = p_sale ORDER BY k.sku FOR UPDATE);
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(k.sku)) FROM unnest(v_skus) AS k (sku);

  IF EXISTS (SELECT FROM regular.orders o WHERE o.sale = p_sale)
     OR EXISTS (SELECT FROM hot.orders o WHERE o.sale = p_sale) THEN
    RAISE EXCEPTION 'sale % has orders', p_sale USING ERRCODE = 'FS004';
  END IF;
  IF EXISTS (SELECT FROM ticket_key t WHERE t.sale = p_sale) THEN
    PERFORM check_sale_over(p_sale);
  END IF;
  PERFORM delete_sale(p_sale, v_skus);
  PERFORM record_action(coalesce(p_by, session_user), 'remove', p_sale, p_sale, p_reason,
    jsonb_build_object('title', v_sale.title, 'opens_at', v_sale.opens_at,
                       'closes_at', v_sale.closes_at, 'skus', v_skus));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.remove_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.remove_sale IS 'Removes a sale that nobody bought from';
REVOKE ALL ON FUNCTION catalog.remove_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.remove_sale TO flashsale_ops, flashsale_console;
