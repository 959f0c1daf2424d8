-- choose_units: chooses units for orders from free ones: side by side, best first, and without leaving a single unit
-- between others. It is pure. Part of place_numbered, place_chosen and
-- give_units.
--
-- Orders for several units come first: each gets the first run of units side by side that has enough, and leaves no
-- single one of it if another run does not. If no run has enough, it gets the best units. Then orders for one unit get
-- units that are single already, and whole runs.
--
-- Parameters
--   p_free     positions of free units, ascending. Positions that follow each other are side by side
--   p_wanted   the units of each order, 1 or more, in all at most as many as are free
--   p_singles  whether a run may be left with a single unit (singles = allow)
-- Result: one row
--   chosen  the positions of the first order, then those of the second one, and so on
--   flaws   orders whose units are not side by side, and single units that are left of a run
-- Tables: none
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.choose_units(p_free int[], p_wanted int[], p_singles boolean)
RETURNS TABLE (chosen int[], flaws int)
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_starts int[] := '{}';  -- the first free unit of each run
  v_sizes  int[] := '{}';  -- how many are left of it
  v_found  int[];          -- how many it had
  v_runs   int := 0;
  v_before int := -1;
  v_ones   int := cardinality(array_positions(p_wanted, 1));  -- orders for one unit that have none yet
  v_rest   int[] := '{}';  -- units of the others of them
  v_at     int := 0;
  v_run    int;
  v_left   int;
  v_take   int;
  i        int;
BEGIN
  FOREACH i IN ARRAY p_free LOOP
    IF i = v_before + 1 AND v_runs > 0 THEN
      v_sizes[v_runs] := v_sizes[v_runs] + 1;
    ELSE
      v_runs := v_runs + 1;
      v_starts[v_runs] := i;
      v_sizes[v_runs] := 1;
    END IF;
    v_before := i;
  END LOOP;
  v_found := v_sizes;
  chosen := array_fill(0, ARRAY[(SELECT coalesce(sum(w.units), 0)::int FROM unnest(p_wanted) AS w (units))]);
  flaws := 0;

  -- 1. Orders for several units.
  FOREACH v_left IN ARRAY p_wanted LOOP
    IF v_left = 1 THEN
      v_at := v_at + 1;
      CONTINUE;
    END IF;
    v_run := NULL;
    FOR i IN 1 .. v_runs LOOP
      CONTINUE WHEN v_sizes[i] < v_left;
      v_run := coalesce(v_run, i);
      IF p_singles OR v_sizes[i] - v_left <> 1 THEN
        v_run := i;
        EXIT;
      END IF;
    END LOOP;
    IF v_run IS NULL THEN
      flaws := flaws + 1;
      v_run := 1;
    END IF;
    WHILE v_left > 0 LOOP
      v_take := least(v_left, v_sizes[v_run]);
      FOR i IN 0 .. v_take - 1 LOOP
        v_at := v_at + 1;
        chosen[v_at] := v_starts[v_run] + i;
      END LOOP;
      v_left := v_left - v_take;
      v_starts[v_run] := v_starts[v_run] + v_take;
      v_sizes[v_run] := v_sizes[v_run] - v_take;
      v_run := v_run + 1;
    END LOOP;
  END LOOP;

  -- 2. Orders for one unit. Round 1 takes units that are single, round 2 what leaves no single unit, round 3 any.
  FOR v_round IN CASE WHEN p_singles THEN 3 ELSE 1 END .. 3 LOOP
    FOR i IN 1 .. v_runs LOOP
      EXIT WHEN v_ones = 0;
      v_take := least(v_ones, v_sizes[i]);
      CONTINUE WHEN v_take = 0 OR v_round = 1 AND v_sizes[i] > 1 OR v_round = 2 AND v_sizes[i] - v_take = 1;
      -- Leave two units instead of one, if another run may have the last unit that is wanted.
      IF v_round = 3 AND NOT p_singles AND v_sizes[i] - v_take = 1 AND v_take > 1 AND i < v_runs THEN
        v_take := v_take - 1;
      END IF;
      FOR n IN 0 .. v_take - 1 LOOP
        v_rest := v_rest || (v_starts[i] + n);
      END LOOP;
      v_ones := v_ones - v_take;
      v_starts[i] := v_starts[i] + v_take;
      v_sizes[i] := v_sizes[i] - v_take;
    END LOOP;
  END LOOP;
  -- That other run had none, so take what was left.
  FOR i IN 1 .. v_runs LOOP
    EXIT WHEN v_ones = 0;
    FOR n IN 0 .. least(v_ones, v_sizes[i]) - 1 LOOP
      v_rest := v_rest || (v_starts[i] + n);
      v_ones := v_ones - 1;
      v_sizes[i] := v_sizes[i] - 1;
    END LOOP;
  END LOOP;
  v_at := 0;
  i := 0;
  FOREACH v_left IN ARRAY p_wanted LOOP
    IF v_left = 1 THEN
      i := i + 1;
      chosen[v_at + 1] := v_rest[i];
    END IF;
    v_at := v_at + v_left;
  END LOOP;

  IF NOT p_singles THEN
    FOR i IN 1 .. v_runs LOOP
      IF v_sizes[i] = 1 AND v_found[i] > 1 THEN flaws := flaws + 1; END IF;
    END LOOP;
  END IF;
  RETURN NEXT;
END
$routine$;

ALTER FUNCTION catalog.choose_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.choose_units IS
  'Chooses units for orders from free ones, side by side and without leaving single ones: part of place_numbered';
REVOKE ALL ON FUNCTION catalog.choose_units FROM PUBLIC;
