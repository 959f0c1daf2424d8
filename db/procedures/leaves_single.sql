-- leaves_single: tells whether a choice of units leaves a single unit that was not single before. It is pure. Part of
-- place_chosen. choose_units has the same rule for units that it chooses itself.
--
-- Parameters
--   p_free    positions of free units, at least all that are up to two places away from a chosen one
--   p_chosen  the units that are chosen, all of them free
-- Result: true if a unit beside a chosen one would have no free unit beside it
-- Tables: none
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.leaves_single(p_free int[], p_chosen int[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  WITH rest AS MATERIALIZED (
    SELECT f.position FROM unnest(p_free) AS f (position) WHERE f.position <> ALL (p_chosen))
  SELECT EXISTS (
    SELECT FROM rest r
    WHERE (r.position - 1 = ANY (p_chosen) OR r.position + 1 = ANY (p_chosen))
      AND NOT EXISTS (SELECT FROM rest b WHERE b.position IN (r.position - 1, r.position + 1)))
$routine$;

ALTER FUNCTION catalog.leaves_single OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.leaves_single IS
  'Tells whether a choice of units leaves a single unit that was not single before: part of place_chosen';
REVOKE ALL ON FUNCTION catalog.leaves_single FROM PUBLIC;
