-- judge_canaries: counts the calls of canaries and of the present versions since the last look, and stops a
-- canary that fails more often or is slower. Each worker calls it every two seconds.
--
-- The rule is Wald's sequential likelihood-ratio test. If both versions do equally well, a bad call was made by
-- the canary with the probability p0 = m / (m + n), because chance chose the version of each call: m and n are
-- the calls of the canary and of the present version since the last look. If the canary does badly c_ratio
-- times as often, the probability is p1 = c_ratio * m / (c_ratio * m + n). For k bad calls of the canary and j of
-- the present version, the evidence grows by k * ln(p1 / p0) + j * ln((1 - p1) / (1 - p0)). The canary is stopped
-- when the evidence reaches ln(1 / c_error). By Ville's inequality, a canary that does equally well is ever
-- stopped with a probability of at most c_error for each kind of bad call, however often somebody looks. Given
-- the numbers of calls the count is hypergeometric; the bound stays true (Hoeffding, theorem 4). Canaries that
-- do badly less than 1.44 times as often lower the evidence in the long run.
--   A bad call is one that failed, or one that took longer than nine in ten of the last calls of the present
--   version before this look (slow). Slow calls are counted among those that chance chose, without the first
--   calls of each session.
-- Sources: A. Wald, Sequential Tests of Statistical Hypotheses, Ann. Math. Statist. 16 (1945); J. Ville, Étude
--   critique de la notion de collectif (1939); W. Hoeffding, J. Amer. Statist. Assoc. 58 (1963)
--
-- Parameters: none
-- Result: one row for each canary of this server; stopped_now: stopped by this call
-- Tables: reads and writes catalog.routine_canary, catalog.canary_call; writes catalog.action
-- Locks: rows of routine_canary, only those that no other session holds (SKIP LOCKED)
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.judge_canaries()
RETURNS TABLE (schema text, name text, stopped_at timestamptz, stop_reason text, stopped_now boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  c_ratio      constant double precision := 2;      -- a canary that is bad so many times as often is to be found
  c_error      constant double precision := 0.001;  -- probability of stopping one that does equally well
  c_calls_min  constant int := 10;      -- calls of each version that one look needs
  c_sample_min constant int := 100;     -- calls of the present version that define slow
  c_sample_max constant int := 1000;    -- times of each version that are kept
  c_wait_max   constant int := 100000;  -- calls that wait for the other version; more are counted as they are
  v_row        record;
  v_new        record;     -- what has happened since the last look
  v_failed     bigint[];   -- failures since then
  v_limit_us   int;        -- longer calls are slow
  v_evidence   double precision[];
  v_reason     text;
BEGIN
  IF NOT EXISTS (SELECT FROM routine_canary) THEN RETURN; END IF;
  FOR v_row IN SELECT * FROM routine_canary c WHERE c.stopped_at IS NULL FOR UPDATE SKIP LOCKED LOOP
    v_failed := ARRAY(
      SELECT coalesce(pg_sequence_last_value(format('%I.%I', v_row.schema, v_row.name || n.suffix)::regclass), 0)
      FROM unnest('{_present_failed,_canary_failed}'::text[]) WITH ORDINALITY AS n (suffix, at) ORDER BY n.at);
    v_failed := ARRAY[v_failed[1] - v_row.failed[1], v_failed[2] - v_row.failed[2]];
    SELECT count(*) FILTER (WHERE NOT k.is_canary) + v_failed[1] AS present,
           count(*) FILTER (WHERE k.is_canary) + v_failed[2] AS canary INTO v_new
    FROM canary_call k WHERE k.schema = v_row.schema AND k.name = v_row.name AND k.run = v_row.run;
    UPDATE routine_canary c SET looked_at = now() WHERE c.schema = v_row.schema AND c.name = v_row.name;
    CONTINUE WHEN least(v_new.present, v_new.canary) < c_calls_min
              AND greatest(v_new.present, v_new.canary) < c_wait_max;

    -- Take the calls. The limit is from calls before this look, so that both versions have the same.
    IF cardinality(v_row.present_us) >= c_sample_min THEN
      v_limit_us := (SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY t) FROM unnest(v_row.present_us) t);
    END IF;
    WITH taken AS (
      DELETE FROM canary_call k WHERE k.schema = v_row.schema AND k.name = v_row.name
      RETURNING k.run = v_row.run AS is_of_this, k.is_canary, k.took_us
    )
    SELECT count(*) FILTER (WHERE NOT t.is_canary) + v_failed[1] AS present,
           count(*) FILTER (WHERE t.is_canary) + v_failed[2] AS canary,
           count(*) FILTER (WHERE NOT t.is_canary AND t.took_us IS NOT NULL) AS present_timed,
           count(*) FILTER (WHERE t.is_canary AND t.took_us IS NOT NULL) AS canary_timed,
           count(*) FILTER (WHERE NOT t.is_canary AND t.took_us > v_limit_us) AS present_slow,
           count(*) FILTER (WHERE t.is_canary AND t.took_us > v_limit_us) AS canary_slow,
           array_agg(t.took_us) FILTER (WHERE NOT t.is_canary AND t.took_us IS NOT NULL) AS present_us,
           array_agg(t.took_us) FILTER (WHERE t.is_canary AND t.took_us IS NOT NULL) AS canary_us
    INTO v_new FROM taken t WHERE t.is_of_this;

    -- Add the evidence of both kinds of bad calls.
    v_evidence := ARRAY(
      SELECT v_row.evidence[b.kind] + CASE WHEN least(b.n, b.m) = 0 THEN 0 ELSE
               b.k * ln(c_ratio * (b.m + b.n) / (c_ratio * b.m + b.n))
               + b.j * ln((b.m + b.n) / (c_ratio * b.m + b.n)) END
      FROM (VALUES (1, v_new.present, v_new.canary, v_failed[1], v_failed[2]),
                   (2, v_new.present_timed, v_new.canary_timed, v_new.present_slow, v_new.canary_slow))
        AS b (kind, n, m, j, k) ORDER BY b.kind);
    UPDATE routine_canary c
    SET calls = ARRAY[c.calls[1] + v_new.present, c.calls[2] + v_new.canary],
        failed = ARRAY[c.failed[1] + v_failed[1], c.failed[2] + v_failed[2]],
        slow = ARRAY[c.slow[1] + v_new.present_slow, c.slow[2] + v_new.canary_slow],
        evidence = v_evidence,
        present_us = (coalesce(v_new.present_us, '{}') || c.present_us)[:c_sample_max],
        canary_us = (coalesce(v_new.canary_us, '{}') || c.canary_us)[:c_sample_max]
    WHERE c.schema = v_row.schema AND c.name = v_row.name RETURNING * INTO v_row;

    -- Stop it.
    v_reason := CASE WHEN v_evidence[1] >= -ln(c_error) THEN 'it fails more often'
                     WHEN v_evidence[2] >= -ln(c_error) THEN 'it is slower' END;
    CONTINUE WHEN v_reason IS NULL;
    v_reason := format('%s: of %s calls of the canary, %s failed and %s were slow; of %s calls of the present '
                       'version, %s failed and %s were slow', v_reason, v_row.calls[2], v_row.failed[2],
                       v_row.slow[2], v_row.calls[1], v_row.failed[1], v_row.slow[1]);
    UPDATE routine_canary c SET stopped_at = now(), stop_reason = v_reason
    WHERE c.schema = v_row.schema AND c.name = v_row.name;
    PERFORM record_action('flashsale', 'stop_canary', NULL, v_row.schema || '.' || v_row.name, v_reason);
  END LOOP;
  RETURN QUERY
  SELECT c.schema, c.name, c.stopped_at, c.stop_reason, coalesce(c.stopped_at = now(), false)
  FROM routine_canary c ORDER BY 1, 2;
END
$routine$;

ALTER FUNCTION catalog.judge_canaries OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.judge_canaries IS
  'Stops canaries that fail more often or are slower than the present version; workers call it';
REVOKE ALL ON FUNCTION catalog.judge_canaries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.judge_canaries TO flashsale_worker, flashsale_ops;
