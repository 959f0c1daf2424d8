-- keep_refusals: gives outcomes to requests that were refused before their SKU existed. When the SKU is
-- created, the refusals become outcomes in its sale, where place_orders finds them. Trigger of catalog.sku,
-- so that a SKU that is inserted by hand is covered too. For a SKU of another server it moves nothing:
-- createSku carries those refusals there (see refusals).
--
-- Parameters: none
-- Result: none (a row trigger)
-- Tables: reads outcome of both schemas; writes refused_request of both schemas, and outcome of the schema
--   of the SKU
-- Locks: the advisory lock of the SKU, exclusively, for the rest of the transaction. A refusal that did not
--   see the SKU has committed before; a later refusal sees the SKU
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.keep_refusals() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('sku'), hashtext(NEW.sku));
  IF NEW.abroad THEN RETURN NULL; END IF;
  EXECUTE format($sql$
    WITH gone AS (
      DELETE FROM regular.refused_request f WHERE f.sku = $1 RETURNING f.*
    ), also_gone AS (
      DELETE FROM hot.refused_request f WHERE f.sku = $1 RETURNING f.*
    )
    INSERT INTO %I.outcome
      (request_id, sale, sku, user_id, node, status, reason, units, decided_at)
    SELECT g.request_id, $2, $1, g.user_id, '', 'rejected', g.reason, 0, g.refused_at
    FROM (SELECT * FROM gone UNION ALL SELECT * FROM also_gone) g
    -- If the id was used for another purchase since then, it keeps the outcome of that purchase.
    WHERE NOT EXISTS (SELECT FROM regular.outcome o WHERE o.request_id = g.request_id)
      AND NOT EXISTS (SELECT FROM hot.outcome o WHERE o.request_id = g.request_id)
    ORDER BY g.request_id
    ON CONFLICT (request_id, sale) DO NOTHING
  $sql$, NEW.schema) USING NEW.sku, NEW.sale;
  RETURN NULL;
END
$routine$;

ALTER FUNCTION catalog.keep_refusals OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.keep_refusals IS
  'Trigger: requests that were refused before their SKU existed keep that as their outcome';
REVOKE ALL ON FUNCTION catalog.keep_refusals FROM PUBLIC;

CREATE OR REPLACE TRIGGER keep_refusals AFTER INSERT ON catalog.sku
  FOR EACH ROW EXECUTE FUNCTION catalog.keep_refusals();
