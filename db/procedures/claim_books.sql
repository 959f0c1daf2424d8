-- claim_books: compares the number of claims of each user. buyer.claims must equal the places in the
-- waitlist that were served to the user. Part of audit.
--
-- Parameters: none
-- Result: as in audit; one row for each SKU and user that differ
-- Tables: reads catalog.sku, buyer, and waiting and transfer_mark of both schemas
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.claim_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH
  crossed AS MATERIALIZED (
    SELECT m.sku FROM regular.transfer_mark m UNION SELECT m.sku FROM hot.transfer_mark m),
  of_buyers AS (
    SELECT b.sku, sum((hashtextextended(b.user_id, 0) >> 32) * b.claims) AS claims
    FROM buyer b WHERE b.claims > 0 GROUP BY 1),
  -- A place stays in the schema where it was served. buyer.claims moves with the SKU.
  claim_suspects AS MATERIALIZED (
    SELECT sku
    FROM (SELECT w.sku, sum(hashtextextended(w.user_id, 0) >> 32) AS users
          FROM (SELECT r.sku, r.user_id FROM regular.waiting r WHERE r.state = 'served'
                UNION ALL SELECT h.sku, h.user_id FROM hot.waiting h WHERE h.state = 'served') w
          GROUP BY 1) w
    FULL JOIN of_buyers b USING (sku)
    JOIN catalog.sku k USING (sku)
    WHERE coalesce(w.users, 0) <> coalesce(b.claims, 0) AND k.schema = current_schema()
      AND NOT k.abroad
      AND sku NOT IN (SELECT x.sku FROM crossed x))

SELECT 'line', c.sku, format('claims of user %s = places in the waitlist that were served', c.user_id),
       sum(c.served), sum(c.counted), 'set buyer.claims to the expected number'
FROM (SELECT b.sku, b.user_id, 0 AS served, b.claims AS counted FROM buyer b
      WHERE EXISTS (SELECT FROM claim_suspects) AND b.claims > 0
      UNION ALL SELECT w.sku, w.user_id, 1, 0 FROM regular.waiting w WHERE w.state = 'served'
      UNION ALL SELECT w.sku, w.user_id, 1, 0 FROM hot.waiting w WHERE w.state = 'served') c
WHERE EXISTS (SELECT FROM claim_suspects) AND c.sku = ANY (ARRAY(SELECT s.sku FROM claim_suspects s))
GROUP BY c.sku, c.user_id HAVING sum(c.served) <> sum(c.counted)
$routine$;

ALTER FUNCTION :schema.claim_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.claim_books IS
  'Compares the claims of users with the places in the waitlist that were served: part of audit';
REVOKE ALL ON FUNCTION :schema.claim_books FROM PUBLIC;
