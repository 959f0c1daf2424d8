-- credit_buyers: adds the units of requests to the users' totals, as far as the user limit of the SKU
-- allows. Part of place_mixed_batch, which gives back the units that a user does not get.
--
-- Parameters
--   p_terms              the terms of the SKU that place_orders has read
--   p_at                 positions of the requests, ascending
--   p_user_ids, p_units  as in place_orders
-- Result: positions of the requests that are within the limit, ascending
-- Tables: writes buyer
-- Locks: buyer rows, ascending by user
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.credit_buyers(
  p_terms catalog.sku_terms, p_at int[], p_user_ids text[], p_units int[]
) RETURNS int[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_turn      int[] := p_at;   -- positions that are not judged yet
  v_looked_at int[];
  v_within    int[];
  v_credited  int[] := '{}';
BEGIN
  -- Each round judges one request of each user, in order of arrival. Later rounds touch only rows that
  -- the first round has locked (a refused update locks its row too), so the locks are in the order of
  -- the users.
  WHILE cardinality(v_turn) > 0 LOOP
    WITH turn AS MATERIALIZED (
      SELECT DISTINCT ON (user_id)
             p_user_ids[t.at] COLLATE "C" AS user_id, t.at, p_units[t.at] AS wanted
      FROM unnest(v_turn) AS t (at)
      ORDER BY user_id, t.at
    ), within AS (
      INSERT INTO buyer AS b (sale, sku, user_id, units)
      SELECT p_terms.sale, p_terms.sku, t.user_id, t.wanted FROM turn t ORDER BY t.user_id
      ON CONFLICT (user_id, sku, sale) DO UPDATE SET units = b.units + excluded.units
        WHERE b.units + excluded.units <= p_terms.user_limit
      RETURNING b.user_id
    )
    SELECT array_agg(t.at), array_agg(t.at) FILTER (WHERE w.user_id IS NOT NULL)
    INTO v_looked_at, v_within
    FROM turn t LEFT JOIN within w ON w.user_id = t.user_id;

    v_credited := v_credited || coalesce(v_within, '{}');
    EXIT WHEN cardinality(v_looked_at) = cardinality(v_turn);
    v_turn := ARRAY(SELECT t.at FROM unnest(v_turn) AS t (at) WHERE t.at <> ALL (v_looked_at));
  END LOOP;
  RETURN ARRAY(SELECT c.at FROM unnest(v_credited) AS c (at) ORDER BY c.at);
END
$routine$;

ALTER FUNCTION :schema.credit_buyers OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.credit_buyers IS
  'Adds the units of requests to the totals of users, within the user limit: part of place_mixed_batch';
REVOKE ALL ON FUNCTION :schema.credit_buyers FROM PUBLIC;
