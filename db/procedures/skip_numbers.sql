-- skip_numbers: moves the sequences of this database beyond all numbers that were given out in the lost time. No
-- home gives out 100,000 numbers of a kind in a second, so it moves each by 100,000 for each second since the last
-- beat, and for a minute more. Calling it again for the same history changes nothing.
--
-- Parameters: p_only_tell, true: moves nothing
-- Result: when the keeper last beat. Later commits may be lost
-- Tables: writes catalog.pulse
-- Locks: the catalog.pulse row; the sequences, for a moment
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.skip_numbers(p_only_tell boolean) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_pulse  pulse%ROWTYPE;
  v_number record;
  v_steps  bigint;
BEGIN
  SELECT * INTO v_pulse FROM pulse FOR UPDATE;
  IF p_only_tell OR v_pulse.skipped IS NOT DISTINCT FROM present_history() THEN RETURN v_pulse.beaten_at; END IF;
  v_steps := 100000 * (60 + extract(epoch FROM greatest(clock_timestamp() - v_pulse.beaten_at, '0')))::bigint;
  FOR v_number IN
    SELECT format('%I.%I', s.schemaname, s.sequencename) AS name, s.increment_by AS step,
           coalesce(s.last_value, s.start_value) AS last
    FROM pg_sequences s WHERE s.schemaname IN ('catalog', 'regular', 'hot')
  LOOP
    PERFORM setval(v_number.name::regclass, v_number.last + v_steps * v_number.step);
  END LOOP;
  UPDATE pulse SET skipped = present_history();
  RETURN v_pulse.beaten_at;
END
$routine$;

ALTER FUNCTION catalog.skip_numbers OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.skip_numbers IS
  'Moves all sequences beyond what was given out in the lost time: part of flashsale after-restore';
REVOKE ALL ON FUNCTION catalog.skip_numbers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.skip_numbers TO flashsale_ops;
