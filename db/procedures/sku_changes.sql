-- sku_changes: returns buyers or outcomes of a SKU of this schema, page by page, to copy to the other server:
-- all of them, or those written since a transaction id. It may return more rows than that, never fewer.
--
-- Parameters
--   p_sku    the SKU
--   p_what   buyers or outcomes
--   p_since  NULL for all rows; otherwise rows of this transaction and later ones
--   p_after  the last key of the page before; NULL for the first page
--   p_limit  the largest number of rows in a page
-- Result: one row, or no row at the end: last, the key for the next page; count; rows, a JSON array
-- Tables: reads catalog.sku, catalog.home, buyer, outcome. With several hot homes, outcomes of the schema hot on
--   the server of regular too: they are copies from hot homes, and the next hot home needs them
-- Locks: none
-- Errors: none of its own
-- Note: transaction ids are compared with xmin, which has 32 bits. If p_since is too old for that, all rows
--   are returned.

CREATE OR REPLACE FUNCTION :schema.sku_changes(
  p_sku text, p_what text, p_since xid8, p_after text, p_limit int
) RETURNS TABLE (last text, count int, rows text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
SET enable_seqscan = off
AS $routine$
#variable_conflict use_column
DECLARE
  v_sale text := (SELECT k.sale FROM catalog.sku k WHERE k.sku = p_sku);
  v_next xid8 := pg_snapshot_xmax(pg_current_snapshot());
  v_far  CONSTANT bigint := 2 ^ 30;
  v_age  int;
  v_all  boolean := current_schema() = 'regular'
                    AND (SELECT count(*) > 1 FROM catalog.home h WHERE h.name <> 'regular');
BEGIN
  IF p_since <= v_next AND v_next::text::bigint - p_since::text::bigint < v_far THEN
    v_age := age(p_since::xid);
  END IF;
  -- All rows are read along the key. Changed rows are few, so every page reads all rows in the order of the
  -- disk (OFFSET 0 keeps the planner from using the index for them).
  IF p_what = 'buyers' AND v_age IS NULL THEN
    RETURN QUERY
    SELECT max(b.user_id), count(*)::int, jsonb_agg(
             jsonb_build_object('u', b.user_id, 'n', b.units, 'c', b.claims))::text
    FROM (SELECT a.user_id, a.units, a.claims FROM buyer a
          WHERE a.sale = v_sale AND a.sku = p_sku AND a.user_id > coalesce(p_after, '')
          ORDER BY a.user_id LIMIT p_limit) b
    HAVING count(*) > 0;
  ELSIF p_what = 'buyers' THEN
    RETURN QUERY
    SELECT max(b.user_id), count(*)::int, jsonb_agg(
             jsonb_build_object('u', b.user_id, 'n', b.units, 'c', b.claims))::text
    FROM (SELECT c.user_id, c.units, c.claims
          FROM (SELECT a.user_id, a.units, a.claims FROM buyer a
                WHERE a.sale = v_sale AND a.sku = p_sku AND age(a.xmin) <= v_age OFFSET 0) c
          WHERE c.user_id > coalesce(p_after, '') ORDER BY c.user_id LIMIT p_limit) b
    HAVING count(*) > 0;
  ELSIF v_age IS NULL THEN
    RETURN QUERY
    SELECT max(o.request_id::text), count(*)::int, jsonb_agg(to_jsonb(o))::text
    FROM (SELECT c.*
          FROM (SELECT a.* FROM outcome a WHERE a.sale = v_sale AND a.sku = p_sku
                UNION ALL
                SELECT h.* FROM hot.outcome h WHERE v_all AND h.sale = v_sale AND h.sku = p_sku) c
          WHERE c.request_id > coalesce(p_after::uuid, '00000000-0000-0000-0000-000000000000')
          ORDER BY c.request_id LIMIT p_limit) o
    HAVING count(*) > 0;
  ELSE
    RETURN QUERY
    SELECT max(o.request_id::text), count(*)::int, jsonb_agg(to_jsonb(o))::text
    FROM (SELECT c.*
          FROM (SELECT a.* FROM outcome a
                WHERE a.sale = v_sale AND a.sku = p_sku AND age(a.xmin) <= v_age
                UNION ALL
                SELECT h.* FROM hot.outcome h
                WHERE v_all AND h.sale = v_sale AND h.sku = p_sku AND age(h.xmin) <= v_age OFFSET 0) c
          WHERE c.request_id > coalesce(p_after::uuid, '00000000-0000-0000-0000-000000000000')
          ORDER BY c.request_id LIMIT p_limit) o
    HAVING count(*) > 0;
  END IF;
END
$routine$;

ALTER FUNCTION :schema.sku_changes OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.sku_changes IS
  'Buyers or outcomes of a SKU, page by page, for a copy on the other server';
REVOKE ALL ON FUNCTION :schema.sku_changes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.sku_changes TO flashsale_worker, flashsale_ops;
