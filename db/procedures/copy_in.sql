-- copy_in: writes a page of sku_changes of the other server. Buyers are written to this schema, which needs
-- them for its decisions when the SKU lives here. Outcomes are written to the other schema, where
-- decided_elsewhere looks for them. If that schema is a home too, which has outcomes of its own, these get the
-- node 'copied': they tell what was decided, and count nowhere.
--
-- Parameters
--   p_sku, p_copier  as in copy_start
--   p_what           buyers or outcomes
--   p_rows           the rows. A server of an older version sends buyers without c, their claims; the
--                    claims that are known here stay then
-- Result: false if the caller is not the copier, or not any more; nothing was written then
-- Tables: reads catalog.home, catalog.sku, transfer_mark, outcome; writes buyer, and outcome of the other schema
-- Locks, in order: the transfer_mark row, so that the SKU cannot come to this server in the meantime; buyer
--   rows or outcome keys, ascending
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.copy_in(
  p_sku text, p_copier uuid, p_what text, p_rows jsonb
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_sale text;
BEGIN
  UPDATE transfer_mark m SET copied_at = clock_timestamp()
  WHERE m.sku = p_sku AND m.copier = p_copier;
  IF NOT FOUND THEN RETURN false; END IF;
  v_sale := (SELECT k.sale FROM catalog.sku k WHERE k.sku = p_sku);

  IF p_what = 'buyers' THEN
    INSERT INTO buyer AS b (sale, sku, user_id, units, claims)
    SELECT v_sale, p_sku, r.u, r.n, coalesce(r.c, (
             SELECT a.claims FROM buyer a
             WHERE a.user_id = r.u AND a.sku = p_sku AND a.sale = v_sale), 0)
    FROM jsonb_to_recordset(p_rows) AS r (u text, n int, c int)
    ORDER BY r.u COLLATE "C"
    ON CONFLICT (user_id, sku, sale) DO UPDATE
      SET units = excluded.units, claims = excluded.claims
      WHERE (b.units, b.claims) <> (excluded.units, excluded.claims);
  ELSE
    EXECUTE format($sql$
      INSERT INTO %1$I.outcome (request_id, sale, sku, user_id, node, status, reason, order_no, units, decided_at)
      SELECT r.request_id, r.sale, r.sku, r.user_id, CASE WHEN $2 THEN 'copied' ELSE r.node END, r.status, r.reason,
             r.order_no, r.units, r.decided_at
      FROM jsonb_populate_recordset(NULL::%1$I.outcome, $1) r
      -- The server of regular also sends what it has from hot homes: this one may be one of them.
      WHERE NOT EXISTS (SELECT FROM outcome o WHERE o.request_id = r.request_id AND o.sale = r.sale)
      ORDER BY r.request_id ON CONFLICT (request_id, sale) DO NOTHING
    $sql$, CASE current_schema() WHEN 'hot' THEN 'regular' ELSE 'hot' END)
    USING p_rows, (SELECT count(*) > 1 FROM catalog.home h WHERE h.here);
  END IF;
  RETURN true;
END
$routine$;

ALTER FUNCTION :schema.copy_in OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.copy_in IS
  'Writes a page of a SKU''s buyers or outcomes of the other server';
REVOKE ALL ON FUNCTION :schema.copy_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_in TO flashsale_worker, flashsale_ops;
