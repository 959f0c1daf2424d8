-- accept_history: lets this database sell again after it was set back. flashsale after-restore calls it when the
-- books of all homes balance.
--
-- Parameters: p_known, the result of beat that ZooKeeper has; NULL: none
-- Result: false if the present history was accepted already
-- Tables: reads catalog.installation; writes catalog.pulse
-- Locks: the catalog.pulse row
-- Errors: FS004 skip_numbers was not called for this history

CREATE OR REPLACE FUNCTION catalog.accept_history(p_known text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_pulse pulse%ROWTYPE;
BEGIN
  SELECT * INTO v_pulse FROM pulse FOR UPDATE;
  IF v_pulse.history = present_history() THEN RETURN false; END IF;
  IF v_pulse.skipped IS DISTINCT FROM present_history() THEN
    RAISE EXCEPTION 'the sequences are where they were before: call skip_numbers first'
      USING ERRCODE = 'FS004';
  END IF;
  -- The next beat is above all that ZooKeeper knows of the lost time.
  UPDATE pulse p SET history = present_history(), beaten_at = clock_timestamp(), skipped = NULL,
    beat = greatest(p.beat, CASE WHEN split_part(p_known, ' ', 1) = installation()::text
                                 THEN split_part(p_known, ' ', 2)::bigint END);
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.accept_history OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.accept_history IS
  'Lets this database sell again after it was set back: part of flashsale after-restore';
REVOKE ALL ON FUNCTION catalog.accept_history FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.accept_history TO flashsale_ops;
