-- orders_placed: what shoppers are told of the orders that this very transaction has placed. Called
-- in the statement that calls place_orders, so that a verdict carries its order and nobody who waits
-- for it has to look it up.
--
-- Parameters: p_sku; p_order_nos, as place_orders answered them, old ones among them
-- Result: {sale, sku, currency, createdAt, payBefore, amounts: {order number: amount}}, amounts as text, and
--   status paid of orders that cost nothing; NULL where none of them was placed by this transaction
-- Tables: reads catalog.sku_terms, orders
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.orders_placed(p_sku text, p_order_nos bigint[]) RETURNS json
-- VOLATILE, or it would not see what its own statement has written.
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET plan_cache_mode = force_generic_plan
SET random_page_cost = 0.1
AS $routine$
DECLARE
  v_placed json;
BEGIN
  -- One row: one call places orders of one SKU, on the same terms, at the same moment.
  SELECT json_strip_nulls(json_build_object(
           'sale', o.sale, 'sku', p_sku, 'currency', o.currency, 'createdAt', o.created_at,
           'payBefore', o.pay_before, 'amounts', json_object_agg(o.order_no, o.amount::text),
           'status', nullif(o.status, 'ordered')))
  INTO v_placed
  FROM catalog.sku_terms t JOIN orders o ON o.sale = t.sale
  WHERE t.sku = p_sku AND o.order_no = ANY (p_order_nos)
    AND o.created_at = now() AND o.status = CASE WHEN o.amount = 0 THEN 'paid' ELSE 'ordered' END
  GROUP BY o.sale, o.currency, o.status, o.created_at, o.pay_before;
  RETURN v_placed;
END
$routine$;

ALTER FUNCTION :schema.orders_placed OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.orders_placed IS
  'What shoppers are told of the orders that this transaction has placed: part of a worker''s call';
REVOKE ALL ON FUNCTION :schema.orders_placed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.orders_placed TO flashsale_worker;
