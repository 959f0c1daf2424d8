-- place_rates: what calls of place_orders met, by minute, SKU and version of the routine (a canary
-- beside place_orders). Kept for call_figures_keep_s; switched off by the tunable call_figures.
-- Locks are held until COMMIT has reached the disk, and no clock of the server tells when that was: even
-- track_commit_timestamp is read before the flush. A worker's flashsale_worker_procedure_seconds has it all.
-- passed_over near 1: more slots help (set_slots). false_empty above 0: every slot was locked at times.

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
COMMENT ON COLUMN :schema.place_rates.sku IS 'Their SKU';
COMMENT ON COLUMN :schema.place_rates.routine IS 'place_orders or place_orders_canary';
COMMENT ON COLUMN :schema.place_rates.calls IS 'Calls that got as far as a decision';
COMMENT ON COLUMN :schema.place_rates.requests IS 'Requests in them';
COMMENT ON COLUMN :schema.place_rates.ordered IS 'Requests that became orders';
COMMENT ON COLUMN :schema.place_rates.units IS 'Units sold';
COMMENT ON COLUMN :schema.place_rates.requests_a_call IS 'Size of a batch, on average';
COMMENT ON COLUMN :schema.place_rates.slots_a_call IS 'Slots that a call locked, on average';
COMMENT ON COLUMN :schema.place_rates.passed_over_rate IS
  'Share of calls whose first slot was not the fullest one: another call had it';
COMMENT ON COLUMN :schema.place_rates.retry_rate IS 'Further looks for a slot, a call';
COMMENT ON COLUMN :schema.place_rates.false_empty IS
  'Looks that found no slot although units were there';
COMMENT ON COLUMN :schema.place_rates.waited_rate IS
  'Share of calls that waited for the slots of others';
COMMENT ON COLUMN :schema.place_rates.locked IS
  'Requests that were answered locked and called again';
COMMENT ON COLUMN :schema.place_rates.lock_ms_p50 IS
  'From the first slot lock to the end of the routine, median. COMMIT comes on top and cannot be seen from here: flashsale_worker_procedure_seconds has both';
COMMENT ON COLUMN :schema.place_rates.lock_ms_p99 IS 'The same, 99th percentile';
COMMENT ON COLUMN :schema.place_rates.total_ms_p99 IS
  'From the start of the transaction to that end, 99th percentile';
REVOKE ALL ON :schema.place_rates FROM PUBLIC;
GRANT SELECT ON :schema.place_rates TO flashsale_ops, flashsale_readonly;
