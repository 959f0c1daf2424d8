-- beat: counts one beat of the keeper. The keeper stores the result in ZooKeeper and passes it to the next call. So
-- ZooKeeper never knows a beat that this database had not committed, and a database with fewer beats was set
-- back. A new history with all beats, which is a standby that was promoted, is accepted.
--
-- Parameters: p_known, the result that ZooKeeper has; NULL: none. That of another installation counts as none
-- Result: catalog.installation.id and the number of the beat; NULL if the database was set back
-- Tables: reads catalog.installation; writes catalog.pulse
-- Locks: the catalog.pulse row
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.beat(p_known text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_pulse pulse%ROWTYPE;
  v_known bigint := CASE WHEN split_part(p_known, ' ', 1) = installation()::text
                         THEN split_part(p_known, ' ', 2)::bigint END;
BEGIN
  SELECT * INTO v_pulse FROM pulse FOR UPDATE;
  IF v_pulse.history IS NULL THEN RETURN NULL; END IF;
  IF v_pulse.beat < v_known OR (v_known IS NULL AND v_pulse.history <> present_history()) THEN
    UPDATE pulse SET history = NULL;
    RETURN NULL;
  END IF;
  UPDATE pulse p SET history = present_history(), beat = p.beat + 1, beaten_at = clock_timestamp();
  RETURN installation() || ' ' || v_pulse.beat + 1;
END
$routine$;

ALTER FUNCTION catalog.beat OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.beat IS
  'Counts a beat of the keeper, and recognises a database that was set back';
REVOKE ALL ON FUNCTION catalog.beat FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.beat TO flashsale_ops;
