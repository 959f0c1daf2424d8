-- check_sale_over: raises an error unless an old sale may be removed from this server. Part of drop_sale. If
-- each schema has its own server, call it on all servers before the first of them drops the sale.
--
-- Parameters: p_sale
-- Result: none
-- Tables: reads catalog.sale, catalog.tunable; orders, outbox, transfer, refunds and checkout of both
--   schemas
-- Locks: none
-- Errors
--   FS001  the sale is not over: closes_at + late_grace_ms has not passed
--   FS002  no such sale
--   FS004  the sale still has unpaid orders (expire_orders ends them); events, transfers or sessions of the
--          payment provider that wait for a worker; payments under way; or refunds that are due (the views
--          refunds, and end_refund)

CREATE OR REPLACE FUNCTION catalog.check_sale_over(p_sale text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_closes_at timestamptz;
BEGIN
  SELECT s.closes_at INTO v_closes_at FROM catalog.sale s WHERE s.sale = p_sale;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;
  IF now() <= v_closes_at + catalog.tunable('late_grace_ms') * interval '1 ms' THEN
    RAISE EXCEPTION 'sale % is not over', p_sale USING ERRCODE = 'FS001';
  END IF;
  IF EXISTS (SELECT FROM regular.orders o WHERE o.sale = p_sale AND o.status = 'ordered')
     OR EXISTS (SELECT FROM hot.orders o WHERE o.sale = p_sale AND o.status = 'ordered')
     OR EXISTS (SELECT FROM regular.outbox x WHERE x.sale = p_sale)
     OR EXISTS (SELECT FROM hot.outbox x WHERE x.sale = p_sale)
     OR EXISTS (SELECT FROM regular.transfer t WHERE t.sale = p_sale AND t.done_at IS NULL)
     OR EXISTS (SELECT FROM hot.transfer t WHERE t.sale = p_sale AND t.done_at IS NULL)
     OR EXISTS (SELECT FROM regular.checkout c WHERE c.sale = p_sale AND c.state IN ('ending', 'paying'))
     OR EXISTS (SELECT FROM hot.checkout c WHERE c.sale = p_sale AND c.state IN ('ending', 'paying'))
     OR EXISTS (SELECT FROM regular.refunds r WHERE r.sale = p_sale AND r.state = 'due')
     OR EXISTS (SELECT FROM hot.refunds r WHERE r.sale = p_sale AND r.state = 'due') THEN
    RAISE EXCEPTION
      'sale % has unpaid orders, waiting events, transfers or payment sessions, payments under way, or refunds due', p_sale
      USING ERRCODE = 'FS004';
  END IF;
END
$routine$;

ALTER FUNCTION catalog.check_sale_over OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.check_sale_over IS
  'Raises an error unless an old sale may be removed from this server: part of drop_sale';
REVOKE ALL ON FUNCTION catalog.check_sale_over FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.check_sale_over TO flashsale_ops, flashsale_console;
