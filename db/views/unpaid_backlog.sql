-- unpaid_backlog: orders that wait for payment, by SKU. overdue counts orders whose payment window has ended.
-- Workers expire them within a second or two, so a number that keeps growing means that no worker does.

CREATE OR REPLACE VIEW :schema.unpaid_backlog AS
SELECT o.sale, o.sku, count(*) AS orders, sum(o.units) AS units,
       min(o.pay_before) AS first_due, max(o.pay_before) AS last_due,
       count(*) FILTER (WHERE o.pay_before <= now()) AS overdue
FROM :schema.orders o
WHERE o.status = 'ordered'
GROUP BY o.sale, o.sku
ORDER BY o.sale, o.sku;

ALTER VIEW :schema.unpaid_backlog OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.unpaid_backlog IS 'Orders and units that wait for payment, by SKU';
COMMENT ON COLUMN :schema.unpaid_backlog.sale IS 'The sale';
COMMENT ON COLUMN :schema.unpaid_backlog.sku IS 'The SKU';
COMMENT ON COLUMN :schema.unpaid_backlog.orders IS 'Unpaid orders';
COMMENT ON COLUMN :schema.unpaid_backlog.units IS 'Units that they hold';
COMMENT ON COLUMN :schema.unpaid_backlog.first_due IS 'When the first one expires';
COMMENT ON COLUMN :schema.unpaid_backlog.last_due IS 'When the last one expires';
COMMENT ON COLUMN :schema.unpaid_backlog.overdue IS 'Orders whose payment window has ended';
REVOKE ALL ON :schema.unpaid_backlog FROM PUBLIC;
GRANT SELECT ON :schema.unpaid_backlog TO flashsale_ops, flashsale_readonly, flashsale_console;
