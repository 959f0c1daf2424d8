-- adopt_lottery_secret: replaces the lottery secret of a sale by the secret of the same sale on the server
-- of regular. Users then have the same ranks on both servers.
--
-- Parameters: p_sale; p_secret, 32 bytes
-- Result: none
-- Tables: reads waiting of both schemas; writes catalog.sale
-- Locks: the catalog.sale row
-- Errors: FS002 no such sale; FS004 the waitlists of the sale have places with ranks of another secret

CREATE OR REPLACE FUNCTION catalog.adopt_lottery_secret(p_sale text, p_secret bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_known bytea;
BEGIN
  SELECT s.lottery_secret INTO v_known FROM catalog.sale s WHERE s.sale = p_sale FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no sale %', p_sale USING ERRCODE = 'FS002';
  END IF;
  IF v_known = p_secret THEN RETURN; END IF;
  IF EXISTS (SELECT FROM regular.waiting w WHERE w.sale = p_sale)
     OR EXISTS (SELECT FROM hot.waiting w WHERE w.sale = p_sale) THEN
    RAISE EXCEPTION 'the waitlists of sale % have places with ranks of another secret', p_sale
      USING ERRCODE = 'FS004';
  END IF;
  UPDATE catalog.sale s SET lottery_secret = p_secret WHERE s.sale = p_sale;
END
$routine$;

ALTER FUNCTION catalog.adopt_lottery_secret OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.adopt_lottery_secret IS
  'Replaces the lottery secret of a sale by that of the same sale on the server of regular';
REVOKE ALL ON FUNCTION catalog.adopt_lottery_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.adopt_lottery_secret TO flashsale_ops, flashsale_console;
