-- forget_copies: makes the next copy of buyers and outcomes to this server read all rows of the other server. That
-- server was set back and gives its transaction ids once more, so they do not tell what is copied. Part of
-- flashsale after-restore.
--
-- Parameters: p_hot_home, as in transfers_to
-- Result: none
-- Tables: writes transfer_mark
-- Locks: the transfer_mark rows
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.forget_copies(p_hot_home text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  UPDATE transfer_mark m SET copied = NULL, copied_home = 0, copier = NULL WHERE m.hot_home = p_hot_home
$routine$;

ALTER FUNCTION :schema.forget_copies OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.forget_copies IS
  'Makes the next copy from a server that was set back read all rows: part of flashsale after-restore';
REVOKE ALL ON FUNCTION :schema.forget_copies FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.forget_copies TO flashsale_ops;
