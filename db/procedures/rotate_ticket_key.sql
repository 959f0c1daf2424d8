-- rotate_ticket_key: makes the next ticket key of a sale at once. Web nodes use it within a second.
--
-- Parameters
--   p_sale    the sale
--   p_revoke  revoke all earlier keys, for a key that has leaked: their tickets are refused, and shoppers
--             need new ones
-- Result: the id of the new key; NULL if the sale has not opened or does not exist
-- Tables: reads catalog.sale; writes catalog.ticket_key, also through make_ticket_key
-- Locks, in order: with p_revoke, the ticket_key rows of the sale; the lock of make_ticket_key
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.rotate_ticket_key(p_sale text, p_revoke boolean DEFAULT false)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_newest int;
BEGIN
  -- No key is made before the sale opens, not for an operator either.
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
  'Makes the next ticket key of a sale; with p_revoke, earlier keys are refused at once';
REVOKE ALL ON FUNCTION catalog.rotate_ticket_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.rotate_ticket_key
  TO flashsale_ops;
