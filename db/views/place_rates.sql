-- place_rates: figures of the calls of place_orders, by minute, SKU and version of the routine
-- (place_orders or a canary). They are kept for call_figures_keep_s. The tunable call_figures switches them
-- off. A lock is held until COMMIT has reached the disk, and no clock of the server tells when that was:
-- even track_commit_timestamp is read before the flush. flashsale_worker_procedure_seconds of a worker has
-- the whole time. If passed_over_rate is near 1, more slots help (set_slots). If false_empty is above 0,
-- every slot was locked at times.

CREATE OR REPLACE VIEW :schema.place_rates AS
SELECT date_trunc('minute', c.called_at) AS minute, c.sku, c.routine,
       count(*) AS calls, sum(c.requests) AS requests, sum(c.ordered) AS ordered,
       sum(c.units) AS units,
       round(avg(c.requests), 1) AS requests_a_call,
       round(avg(c.slots), 2) AS slots_a_call,
       round(avg(c.passed_over::int), 4) AS passed_over_rate,
       round(sum(c.retries)::numeric / count(*), 4) AS retry_rate,
       sum(c.false_empty) AS false_empty,
       round(avg(c.waited::int), 4) AS waited_rate,
       sum(c.locked) AS locked,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY c.lock_us)
         FILTER (WHERE c.slots > 0) / 1000)::numeric, 3) AS lock_ms_p50,
       round((percentile_cont(0.99) WITHIN GROUP (ORDER BY c.lock_us)
         FILTER (WHERE c.slots > 0) / 1000)::numeric, 3) AS lock_ms_p99,
       round((percentile_cont(0.99) WITHIN GROUP (ORDER BY c.total_us) / 1000)::numeric, 3)
         AS total_ms_p99
FROM :schema.place_call c
GROUP BY 1, 2, 3
ORDER BY 1 DESC, 2, 3;

ALTER VIEW :schema.place_rates OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.place_rates IS
  'Skips, retries, false-empty looks and lock times of place_orders, by minute, SKU and version';
COMMENT ON COLUMN :schema.place_rates.minute IS 'The minute of the calls';
COMMENT ON COLUMN :schema.place_rates.sku IS 'The SKU of the calls';
COMMENT ON COLUMN :schema.place_rates.routine IS 'place_orders or place_orders_canary';
COMMENT ON COLUMN :schema.place_rates.calls IS 'Calls that came to a decision';
COMMENT ON COLUMN :schema.place_rates.requests IS 'Requests in them';
COMMENT ON COLUMN :schema.place_rates.ordered IS 'Requests that became orders';
COMMENT ON COLUMN :schema.place_rates.units IS 'Units sold';
COMMENT ON COLUMN :schema.place_rates.requests_a_call IS 'Requests in a call, on average';
COMMENT ON COLUMN :schema.place_rates.slots_a_call IS 'Slots that a call locked, on average';
COMMENT ON COLUMN :schema.place_rates.passed_over_rate IS
  'Share of calls whose first slot was not the fullest one, because another call had locked that';
COMMENT ON COLUMN :schema.place_rates.retry_rate IS 'Further looks for a slot in a call, on average';
COMMENT ON COLUMN :schema.place_rates.false_empty IS
  'Looks that found no unlocked slot although units were free';
COMMENT ON COLUMN :schema.place_rates.waited_rate IS
  'Share of calls that waited for slots that others had locked';
COMMENT ON COLUMN :schema.place_rates.locked IS
  'Requests that were answered locked and called again';
COMMENT ON COLUMN :schema.place_rates.lock_ms_p50 IS
  'Median, first slot lock to end of routine; flashsale_worker_procedure_seconds has it with COMMIT';
COMMENT ON COLUMN :schema.place_rates.lock_ms_p99 IS '99th percentile of the same time';
COMMENT ON COLUMN :schema.place_rates.total_ms_p99 IS
  '99th percentile from the start of the transaction to the end of the routine';
REVOKE ALL ON :schema.place_rates FROM PUBLIC;
GRANT SELECT ON :schema.place_rates TO flashsale_ops, flashsale_readonly;
