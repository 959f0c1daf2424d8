-- How often a unit that came back was held for a user: counted where the user's units are, so that it
-- goes with the SKU from schema to schema and from server to server.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    -- NOT VALID: every row has the default, and nobody waits while all of them are read.
    EXECUTE format($sql$
      ALTER TABLE %1$I.buyer ADD COLUMN claims int NOT NULL DEFAULT 0;
      ALTER TABLE %1$I.buyer ADD CONSTRAINT buyer_claims_check CHECK (claims >= 0) NOT VALID
    $sql$, v_schema);
    EXECUTE format('COMMENT ON COLUMN %I.buyer.claims IS %L', v_schema,
      'Units that came back were held for the user so often; who had none goes first in the line');
    -- Until now each schema counted the entries that were served in it.
    EXECUTE format($sql$
      INSERT INTO %1$I.buyer AS b (sale, sku, user_id, units, claims)
      SELECT w.sale, w.sku, w.user_id, 0, count(*)
      FROM (SELECT r.* FROM regular.waiting r UNION ALL SELECT h.* FROM hot.waiting h) w
      JOIN catalog.sku k ON k.sku = w.sku AND k.schema = %1$L AND NOT k.abroad
      WHERE w.state = 'served'
      GROUP BY w.sale, w.sku, w.user_id
      ON CONFLICT (user_id, sku, sale) DO UPDATE SET claims = excluded.claims
    $sql$, v_schema);
  END LOOP;
END
$$;

RESET ROLE;
