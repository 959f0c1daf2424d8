-- event_sums: sums the order events of this schema by SKU and kind, in one pass. Part of audit.
--
-- Parameters: none
-- Result: one row for each SKU and kind
--   orders   the number of orders in the events
--   numbers  the sum of hashes of the order numbers
-- Tables: reads outbox, event
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.event_sums()
RETURNS TABLE (sku text, kind text, orders bigint, numbers numeric)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
-- Most events have one order and need no unnest, which would take as long as all other sums.
SELECT e.sku, e.kind, sum(cardinality(e.order_nos)) AS orders,
       coalesce(sum(CASE WHEN cardinality(e.order_nos) = 1
                         THEN hashint8extended(e.order_nos[1], 0) END), 0)
       + coalesce(sum(CASE WHEN cardinality(e.order_nos) <> 1
                           THEN (SELECT sum(hashint8extended(n.order_no, 0))
                                 FROM unnest(e.order_nos) AS n (order_no)) END), 0) AS numbers
FROM (SELECT x.sku, x.kind, x.order_nos FROM outbox x WHERE x.payment_ref IS NULL
      UNION ALL
      SELECT v.sku, v.kind, v.order_nos FROM event v WHERE v.payment_ref IS NULL) e
GROUP BY 1, 2
$routine$;

ALTER FUNCTION :schema.event_sums OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.event_sums IS
  'Sums the order events by SKU and kind: part of audit';
REVOKE ALL ON FUNCTION :schema.event_sums FROM PUBLIC;
