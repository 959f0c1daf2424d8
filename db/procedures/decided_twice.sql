-- decided_twice: finds requests that were decided in two sales. It compares two sales only if each began
-- before the request ids of the other were forgotten. Decisions of another home (copy_in) do not
-- count. Part of audit.
--
-- Parameters: p_sales, and p_first_at of the same length: the time of the first outcome or order of each
-- Result: one row for each outcome of such a request. is_wrong: the last outcome came while the request ids
--   of the first sale were still known
-- Tables: reads catalog.sale, catalog.tunable, outcome
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.decided_twice(p_sales text[], p_first_at timestamptz[])
RETURNS TABLE (request_id uuid, sku text, is_wrong boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
WITH known AS MATERIALIZED (
  SELECT s.sale, f.first_at,
         s.closes_at + catalog.tunable('request_memory_s') * interval '1 s' AS until
  FROM catalog.sale s JOIN unnest(p_sales, p_first_at) AS f (sale, first_at) ON f.sale = s.sale
), rivals AS MATERIALIZED (
  SELECT a.sale FROM known a
  WHERE EXISTS (SELECT FROM known b
                WHERE b.sale <> a.sale AND a.first_at < b.until AND b.first_at < a.until)
), twice AS MATERIALIZED (
  SELECT c.request_id
  FROM outcome c
  WHERE EXISTS (SELECT FROM rivals) AND c.sale = ANY (ARRAY(SELECT r.sale FROM rivals r)) AND c.node <> 'copied'
  GROUP BY 1 HAVING count(*) > 1
)
SELECT c.request_id, c.sku, max(c.decided_at) OVER each < min(k.until) OVER each
FROM outcome c JOIN known k ON k.sale = c.sale
WHERE c.request_id = ANY (ARRAY(SELECT t.request_id FROM twice t)) AND c.node <> 'copied'
WINDOW each AS (PARTITION BY c.request_id)
$routine$;

ALTER FUNCTION :schema.decided_twice OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.decided_twice IS
  'Finds requests that were decided in two sales: part of audit';
REVOKE ALL ON FUNCTION :schema.decided_twice FROM PUBLIC;
