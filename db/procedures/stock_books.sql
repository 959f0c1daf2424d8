-- stock_books: compares slots with their movements, and movements with the units that orders hold. Part of
-- audit.
--
-- Parameters: p_skus and p_units, of the same length: units that orders hold. A SKU may come repeatedly
-- Result: as in audit; one row for each SKU or slot that differs
-- Tables: reads stock_slot, stock_movement
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.stock_books(p_skus text[], p_units bigint[])
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  of_movements AS MATERIALIZED (
    SELECT m.sku, m.slot, m.kind, sum(m.units) AS units FROM stock_movement m GROUP BY 1, 2, 3),
  held AS (SELECT h.sku, sum(h.units) AS units FROM unnest(p_skus, p_units) AS h (sku, units) GROUP BY 1),
  slot AS (SELECT s.sku, sum(s.remaining) AS free FROM stock_slot s GROUP BY 1),
  book AS (SELECT m.sku,
                  coalesce(sum(m.units) FILTER (
                    WHERE m.kind IN ('load', 'restock', 'move')), 0) AS supply,
                  -coalesce(sum(m.units) FILTER (WHERE m.kind IN ('sale', 'return')), 0) AS sold,
                  coalesce(sum(m.units) FILTER (WHERE m.kind IN ('split', 'merge')), 0) AS shifted
           FROM of_movements m GROUP BY 1)

SELECT 'no_oversell', sku, 'units loaded and restocked = free + held by orders',
       coalesce(b.supply, 0)::bigint, (coalesce(s.free, 0) + coalesce(h.units, 0))::bigint,
       'stop the SKU (set_sku_state, quota 0); compare stock_movement with orders by time'
FROM book b FULL JOIN slot s USING (sku) FULL JOIN held h USING (sku)
WHERE coalesce(b.supply, 0) <> coalesce(s.free, 0) + coalesce(h.units, 0)
UNION ALL
SELECT 'no_oversell', s.sku, format('slot %s holds fewer than 0 units', s.slot), 0, s.remaining,
       'the CHECK of stock_slot is gone: put it back, then restock or cancel orders'
FROM stock_slot s WHERE s.remaining < 0
UNION ALL
SELECT 'books', sku, format('movements of slot %s = its remaining units', slot),
       coalesce(m.units, 0)::bigint, coalesce(s.remaining, 0),
       'the slot was changed by hand: book the difference as a movement, or set the slot right'
FROM (SELECT a.sku, a.slot, sum(a.units) AS units FROM of_movements a GROUP BY 1, 2) m
FULL JOIN stock_slot s USING (sku, slot)
WHERE coalesce(m.units, 0) <> coalesce(s.remaining, 0)
UNION ALL
SELECT 'books', sku, 'movements of sales and returns = units held by orders',
       coalesce(b.sold, 0)::bigint, coalesce(h.units, 0)::bigint,
       'an order was changed by hand: give its units back or take them with a movement'
FROM book b FULL JOIN held h USING (sku)
WHERE coalesce(b.sold, 0) <> coalesce(h.units, 0)
UNION ALL
SELECT 'books', b.sku, 'splits and merges leave the sum as it is', 0, b.shifted::bigint,
       'find the set_slots call in stock_movement that does not add up'
FROM book b WHERE b.shifted <> 0
$routine$;

ALTER FUNCTION :schema.stock_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.stock_books IS
  'Compares slots, movements and the units that orders hold: part of audit';
REVOKE ALL ON FUNCTION :schema.stock_books FROM PUBLIC;
