-- copy_end: records that a round of copying is complete. The copy now has all rows up to the marks that
-- copy_source returned at the start of the round.
--
-- Parameters: p_sku, p_copier; p_copied and p_home_no, the marks (oldest and home_no of copy_source)
-- Result: false if the caller is not the copier, or not any more; nothing was written then
-- Tables: writes transfer_mark
-- Locks: the transfer_mark row
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
  'Records that a round of copying a SKU to this server is complete';
REVOKE ALL ON FUNCTION :schema.copy_end FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.copy_end TO flashsale_worker, flashsale_ops;
