-- line_backlog: the waitlist of each SKU. Units that come back are offered as orders that expire after
-- claim_window_s. is_open is false while the operators' state or quota forbids sales.

CREATE OR REPLACE VIEW :schema.line_backlog AS
SELECT w.sale, w.sku, k.line_open AS is_open,
       count(*) FILTER (WHERE w.state = 'waiting') AS waiting,
       count(*) FILTER (WHERE w.state = 'served') AS served,
       min(w.asked_at) FILTER (WHERE w.state = 'waiting') AS since,
       max(w.ended_at) FILTER (WHERE w.state = 'served') AS last_served
FROM :schema.waiting w JOIN catalog.sku k ON k.sku = w.sku
GROUP BY w.sale, w.sku, k.line_open
ORDER BY w.sale, w.sku;

ALTER VIEW :schema.line_backlog OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.line_backlog IS 'Shoppers who wait for units that come back, by SKU';
COMMENT ON COLUMN :schema.line_backlog.sale IS 'The sale';
COMMENT ON COLUMN :schema.line_backlog.sku IS 'The SKU';
COMMENT ON COLUMN :schema.line_backlog.is_open IS 'Whether units that come back go to the waitlist';
COMMENT ON COLUMN :schema.line_backlog.waiting IS 'Shoppers who wait';
COMMENT ON COLUMN :schema.line_backlog.served IS 'Orders that were made for shoppers who waited';
COMMENT ON COLUMN :schema.line_backlog.since IS 'When the shopper who waits longest asked';
COMMENT ON COLUMN :schema.line_backlog.last_served IS 'When a unit last went to the waitlist';
REVOKE ALL ON :schema.line_backlog FROM PUBLIC;
GRANT SELECT ON :schema.line_backlog TO flashsale_ops, flashsale_readonly, flashsale_console;
