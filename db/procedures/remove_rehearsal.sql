-- remove_rehearsal: removes the shadow of a sale that was sold in a rehearsal, and everything that belongs to it:
-- its orders, refused requests, handled dead letters, figures and the record of what people did to it. It may be open
-- or unpaid. First see that nothing is admitted and no request of it waits in a queue (flashsale rehearse does): a
-- request that comes later finds no SKU. If there are several servers, call it on each.
--
-- Parameters: p_sale, a name of a rehearsal
-- Result: true if this server had the shadow; false if only the rest was left, or nothing
-- Tables: reads checkout of both schemas; writes catalog.action, and outbox, dead_letter, place_call and refused_request of both;
--   locks outbox_relay of both; see delete_sale
-- Locks, in order: the first two of drop_sale; the outbox_relay rows; outbox rows; the third of drop_sale
-- Errors
--   FS001  it is not the name of a rehearsal
--   FS004  a session of a payment provider belongs to it, so money may be under way. The shop begins none for a shadow;
--          or another sale has a SKU with its name
--   55P03  another transaction held a lock: call again

CREATE OR REPLACE FUNCTION catalog.remove_rehearsal(p_sale text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
-- Orders of other sales may wait behind this call: the limit keeps their delay short.
SET lock_timeout = '500ms'
AS $routine$
DECLARE
  v_was_here boolean;
  v_skus     text[];
BEGIN
  IF is_rehearsal(p_sale) IS NOT TRUE THEN
    RAISE EXCEPTION '% is not the name of a rehearsal', p_sale USING ERRCODE = 'FS001';
  END IF;
  PERFORM FROM sale s WHERE s.sale = p_sale FOR UPDATE;
  v_was_here := FOUND;
  v_skus := ARRAY(SELECT k.sku FROM sku k WHERE k.sale = p_sale ORDER BY k.sku FOR UPDATE);
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(k.sku)) FROM unnest(v_skus) AS k (sku);
  IF EXISTS (SELECT FROM regular.checkout c WHERE c.sale = p_sale)
     OR EXISTS (SELECT FROM hot.checkout c WHERE c.sale = p_sale) THEN
    RAISE EXCEPTION '% has a session of a payment provider', p_sale USING ERRCODE = 'FS004';
  END IF;
  IF EXISTS (SELECT FROM sku k WHERE starts_with(k.sku, p_sale || '-') AND k.sale <> p_sale) THEN
    RAISE EXCEPTION 'another sale has a SKU with the name of %', p_sale USING ERRCODE = 'FS004';
  END IF;

  -- An event without its order would never leave the outbox. The relay locks in the same order.
  PERFORM FROM regular.outbox_relay FOR UPDATE;
  PERFORM FROM hot.outbox_relay FOR UPDATE;
  DELETE FROM regular.outbox x WHERE x.sale = p_sale;
  DELETE FROM hot.outbox x WHERE x.sale = p_sale;
  -- Those of the shadow have its name and a number. These read whole tables, so they come before the locks that other
  -- sales wait for.
  DELETE FROM regular.refused_request f WHERE starts_with(f.sku, p_sale || '-');
  DELETE FROM hot.refused_request f WHERE starts_with(f.sku, p_sale || '-');
  DELETE FROM regular.dead_letter d WHERE starts_with(d.sku, p_sale || '-');
  DELETE FROM hot.dead_letter d WHERE starts_with(d.sku, p_sale || '-');
  DELETE FROM regular.place_call c WHERE starts_with(c.sku, p_sale || '-');
  DELETE FROM hot.place_call c WHERE starts_with(c.sku, p_sale || '-');
  DELETE FROM action a WHERE a.sale = p_sale;
  IF v_was_here THEN PERFORM delete_sale(p_sale, v_skus); END IF;
  RETURN v_was_here;
END
$routine$;

ALTER FUNCTION catalog.remove_rehearsal OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.remove_rehearsal IS
  'Removes the shadow of a sale that was sold in a rehearsal, and everything that belongs to it';
REVOKE ALL ON FUNCTION catalog.remove_rehearsal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.remove_rehearsal TO flashsale_ops;
