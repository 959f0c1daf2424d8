-- backlog: everything that waits to be handled, one row for each kind. A count that keeps growing means that
-- no worker handles it.

CREATE OR REPLACE VIEW :schema.backlog AS
SELECT b.waiting, b.count, b.since, b.remedy
FROM (
  SELECT 1 AS place, 'order events to publish' AS waiting, count(*) AS count,
         min(x.happened_at) AS since, 'a worker relays them: is one running?' AS remedy
  FROM :schema.outbox x
  UNION ALL
  SELECT 2, 'unpaid orders', count(*), min(o.created_at), 'they are paid, or expire'
  FROM :schema.orders o WHERE o.status = 'ordered'
  UNION ALL
  SELECT 3, 'unpaid orders past their time', count(*), min(o.pay_before),
         'a worker expires them within seconds: is one running?'
  FROM :schema.orders o WHERE o.status = 'ordered' AND o.pay_before <= now()
  UNION ALL
  SELECT 4, 'payments to refund', count(*), min(coalesce(p.due_at, p.received_at)),
         'a worker refunds those of Stripe, others by hand: see refunds'
  FROM :schema.refund r JOIN :schema.payment p ON p.payment_ref = r.payment_ref AND p.sale = r.sale
  WHERE r.state = 'due'
  UNION ALL
  SELECT 5, 'fenced web nodes', count(*), min(f.fenced_at),
         'none: late requests of a settled node are rejected'
  FROM :schema.fenced_node f
  UNION ALL
  SELECT 6, 'payment sessions to end', count(*), min(c.changed_at),
         'a worker ends them at the provider: see last_error in checkout'
  FROM :schema.checkout c WHERE c.state = 'ending'
  UNION ALL
  SELECT 7, 'payments under way', count(*), min(c.changed_at),
         'the provider calls back, within days: look the session_ref of checkout up there'
  FROM :schema.checkout c WHERE c.state = 'paying'
) b
ORDER BY b.place;

ALTER VIEW :schema.backlog OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.backlog IS
  'What waits in this schema, since when, and what to do about it';
COMMENT ON COLUMN :schema.backlog.waiting IS 'What waits';
COMMENT ON COLUMN :schema.backlog.count IS 'How many';
COMMENT ON COLUMN :schema.backlog.since IS 'When the oldest of them began to wait';
COMMENT ON COLUMN :schema.backlog.remedy IS 'What ends it';
REVOKE ALL ON :schema.backlog FROM PUBLIC;
GRANT SELECT ON :schema.backlog TO flashsale_ops, flashsale_readonly;
