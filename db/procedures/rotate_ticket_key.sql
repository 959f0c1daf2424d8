-- rotate_ticket_key: makes the next key of a sale at once. With p_revoke, for a key that has leaked,
-- all before it are worth nothing from now on: their tickets are refused and new ones are needed.
-- Web nodes know within a second.
--
-- Parameters: p_sale; p_revoke
-- Result: the id of the new key; NULL before the sale opens and for one that does not exist
-- Tables: reads catalog.sale; writes catalog.ticket_key, also through make_ticket_key
-- Locks: with p_revoke, the keys of the sale; then as make_ticket_key
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.rotate_ticket_key(p_sale text, p_revoke boolean DEFAULT false)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_newest int;
BEGIN
  -- An operator cannot have a key made before the sale opens either.
  IF NOT EXISTS (SELECT FROM sale s WHERE s.sale = p_sale AND s.opens_at <= clock_timestamp()) THEN
    RETURN NULL;
  END IF;
  IF p_revoke THEN
    UPDATE ticket_key t SET revoked_at = clock_timestamp()
    WHERE t.sale = p_sale AND t.revoked_at IS NULL;
  END IF;
  SELECT coalesce(max(t.id), 0) INTO v_newest FROM ticket_key t WHERE t.sale = p_sale;
  PERFORM make_ticket_key(p_sale, v_newest + 1);
  RETURN v_newest + 1;
END
$routine$;

ALTER FUNCTION catalog.rotate_ticket_key OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.rotate_ticket_key IS
  'Makes the next ticket key of a sale; with p_revoke, those before are worth nothing at once';
REVOKE ALL ON FUNCTION catalog.rotate_ticket_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.rotate_ticket_key
  TO flashsale_ops;
