-- set_claim_window: sets how long a shopper of a sale's waitlist has to pay for a unit that came back. It holds for
-- units that come back from now on. If each schema has its own server, call it on all servers.
--
-- Parameters
--   p_sale           the sale
--   p_window         the time; NULL: the tunable claim_window_s, or the pay window of the sale if that is
--                    shorter
--   p_by, p_reason   who does it, and why
-- Result: true if the time has changed
-- Tables: writes catalog.sale, catalog.action
-- Locks: the catalog.sale row
-- Errors: FS002 no such sale; 23514 the time is not from 1 second to 30 days

CREATE OR REPLACE FUNCTION catalog.set_claim_window(
  p_sale text, p_window interval, p_by text, p_reason text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_before interval;
BEGIN
  SELECT s.claim_window INTO v_before FROM sale s WHERE s.sale = p_sale FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;
  IF v_before IS NOT DISTINCT FROM p_window THEN RETURN false; END IF;
  UPDATE sale s SET claim_window = p_window WHERE s.sale = p_sale;
  PERFORM record_action(p_by, 'change', p_sale, p_sale, p_reason,
                        jsonb_build_object('claimWindow', jsonb_build_array(v_before, p_window)));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.set_claim_window OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.set_claim_window IS
  'Sets how long a shopper of a sale''s waitlist has to pay';
REVOKE ALL ON FUNCTION catalog.set_claim_window FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.set_claim_window TO flashsale_ops, flashsale_console;
