-- sale_times: tells when each sale was created. A sale that was removed and put on again has another lottery and other
-- ticket keys: web nodes tell the two by this time, and forget what they know of the first.
--
-- Parameters: none
-- Result: one row for each sale
-- Tables: reads catalog.sale
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.sale_times()
RETURNS TABLE (sale text, created_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
BEGIN
  -- In plpgsql, because a routine of plain SQL is planned anew at every call.
  RETURN QUERY
  SELECT s.sale, s.created_at FROM catalog.sale s;
END
$routine$;

ALTER FUNCTION catalog.sale_times OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.sale_times IS 'When each sale was created';
REVOKE ALL ON FUNCTION catalog.sale_times FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.sale_times
  TO flashsale_web, flashsale_worker, flashsale_ops, flashsale_readonly, flashsale_console;
