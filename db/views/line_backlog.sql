-- line_backlog: the waitlist of each SKU that lives in this schema or has had shoppers here. Units that come
-- back are offered as orders that expire after claim_window. is_open is false while the operators have turned
-- the waitlist off, or their state or quota forbids sales.

CREATE OR REPLACE VIEW :schema.line_backlog AS
SELECT k.sale, k.sku, k.line_open AS is_open,
       count(*) FILTER (WHERE w.state = 'waiting') AS waiting,
       count(*) FILTER (WHERE w.state = 'served') AS served,
       min(w.asked_at) FILTER (WHERE w.state = 'waiting') AS since,
       max(w.ended_at) FILTER (WHERE w.state = 'served') AS last_served,
       count(o.order_no) AS held,
       coalesce(s.claim_window, least(s.pay_window, interval '1 s' * (
         SELECT t.value FROM catalog.tunable t WHERE t.name = 'claim_window_s'))) AS claim_window
FROM catalog.sku k
JOIN catalog.sale s ON s.sale = k.sale
LEFT JOIN :schema.waiting w ON w.sku = k.sku AND w.sale = k.sale
LEFT JOIN :schema.orders o ON o.order_no = w.order_no AND o.sale = w.sale AND o.status = 'ordered'
WHERE k.schema = :'schema' AND NOT k.abroad OR w.sku IS NOT NULL
GROUP BY k.sale, k.sku, k.line_open, s.claim_window, s.pay_window
ORDER BY k.sale, k.sku;

ALTER VIEW :schema.line_backlog OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.line_backlog IS 'Shoppers who wait for units that come back, by SKU';
COMMENT ON COLUMN :schema.line_backlog.sale IS 'The sale';
COMMENT ON COLUMN :schema.line_backlog.sku IS 'The SKU';
COMMENT ON COLUMN :schema.line_backlog.is_open IS 'Whether units that come back go to the waitlist';
COMMENT ON COLUMN :schema.line_backlog.waiting IS 'Shoppers who wait';
COMMENT ON COLUMN :schema.line_backlog.served IS 'Orders that were made for shoppers who waited';
COMMENT ON COLUMN :schema.line_backlog.since IS 'When the shopper who waits longest asked';
COMMENT ON COLUMN :schema.line_backlog.last_served IS 'When a unit last went to the waitlist';
COMMENT ON COLUMN :schema.line_backlog.held IS 'Unpaid orders among them';
COMMENT ON COLUMN :schema.line_backlog.claim_window IS
  'How long a shopper who waited has to pay, until the sale closes at the latest if the sale has a time of its own';
REVOKE ALL ON :schema.line_backlog FROM PUBLIC;
GRANT SELECT ON :schema.line_backlog TO flashsale_ops, flashsale_readonly, flashsale_console;
