-- report_webhooks: records the results of deliveries that take_webhooks returned.
--
-- Parameters
--   p_endpoint               the id of the endpoint
--   p_order_nos, p_log_nos   the deliveries; each of the next two arrays has as many entries
--   p_errors                 why the attempt failed; NULL if the event was delivered
--   p_delays                 the time to the next attempt; NULL to give the delivery up
-- Result: the number of deliveries that were found
-- Tables: writes webhook_delivery
-- Locks: the webhook_delivery rows
-- Errors: none of its own

CREATE OR REPLACE FUNCTION :schema.report_webhooks(
  p_endpoint text, p_order_nos bigint[], p_log_nos bigint[], p_errors text[], p_delays interval[]
) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  WITH reported AS MATERIALIZED (
    SELECT * FROM unnest(p_order_nos, p_log_nos, p_errors, p_delays)
      AS r (order_no, log_no, error, delay)
  ), delivered AS (
    DELETE FROM webhook_delivery d USING reported r
    WHERE d.endpoint = p_endpoint AND d.order_no = r.order_no AND d.log_no = r.log_no
      AND r.error IS NULL
    RETURNING 1
  ), failed AS (
    UPDATE webhook_delivery d
    SET last_error = r.error, next_at = now() + coalesce(r.delay, interval '0'),
        given_up_at = CASE WHEN r.delay IS NULL THEN now() END
    FROM reported r
    WHERE d.endpoint = p_endpoint AND d.order_no = r.order_no AND d.log_no = r.log_no
      AND r.error IS NOT NULL
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM delivered) + (SELECT count(*) FROM failed)
$routine$;

ALTER FUNCTION :schema.report_webhooks OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.report_webhooks IS
  'Records the results of deliveries that take_webhooks returned';
REVOKE ALL ON FUNCTION :schema.report_webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.report_webhooks TO flashsale_worker;
