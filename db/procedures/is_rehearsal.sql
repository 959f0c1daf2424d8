-- is_rehearsal: tells whether this is the name of a shadow that is sold in a rehearsal, or of a SKU of one. The name
-- alone makes it one (contracts/rehearsal.ts has the same pattern). Its events go to nobody, and remove_rehearsal
-- removes it.
--
-- Parameters: p_name, the name of a sale or SKU
-- Result: true if it is; NULL for NULL
-- Tables: none
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.is_rehearsal(p_name text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- In plpgsql, because a routine of plain SQL is planned anew at every call.
  RETURN p_name COLLATE "C" ~ '^rehearsal-[0-9a-f]{8}-[0-9a-f]{16}(-[0-9]{1,2})?$';
END
$routine$;

ALTER FUNCTION catalog.is_rehearsal OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.is_rehearsal IS
  'Whether this is the name of a shadow that is sold in a rehearsal, or of a SKU of one';
REVOKE ALL ON FUNCTION catalog.is_rehearsal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.is_rehearsal TO flashsale_ops, flashsale_readonly;
