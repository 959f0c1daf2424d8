-- copy_end: a round of copying is complete: what copy_source said at its beginning is true of the copy.
--
-- Parameters: p_sku, p_copier; p_copied and p_home_no, what copy_source said
-- Result: false if the caller is not the one that copies (any more): nothing was written
-- Tables: writes transfer_mark
-- Locks: its row
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.copy_end(
  p_sku text, p_copier uuid, p_copied xid8, p_home_no bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  UPDATE transfer_mark m
  SET copied = p_copied, copied_home = p_home_no, copied_at = clock_timestamp()
  WHERE m.sku = p_sku AND m.copier = p_copier;
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION :schema.copy_end OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.copy_end IS
  'A round of copying a SKU to here is complete';
REVOKE ALL ON FUNCTION :schema.copy_end FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_end TO flashsale_worker, flashsale_ops;
