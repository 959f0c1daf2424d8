-- record_action: records what a person did. The routine that acts calls it in the same transaction, so that no
-- action is without its record.
--
-- Parameters: as the columns of catalog.action
-- Result: the number of the action
-- Tables: writes catalog.action
-- Locks: none
-- Errors: 23502, 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.record_action(
  p_by      text,
  p_action  text,
  p_sale    text,
  p_target  text,
  p_reason  text DEFAULT NULL,
  p_details jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  INSERT INTO action (acted_by, action, sale, target, reason, details)
  VALUES (p_by, p_action, p_sale, p_target, p_reason, p_details)
  RETURNING action_no
$routine$;

ALTER FUNCTION catalog.record_action OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.record_action IS 'Records what a person did; the acting routine calls it';
REVOKE ALL ON FUNCTION catalog.record_action FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.record_action TO flashsale_ops, flashsale_console;
