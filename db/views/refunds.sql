-- refunds: money that orders could not have, or whose orders the shop cancelled, and that has to go back, newest first. Workers give back payments
-- of Stripe. Give back others by hand at the provider, then call end_refund.

CREATE OR REPLACE VIEW :schema.refunds AS
SELECT p.payment_ref, p.sale, p.order_no, coalesce(r.state, 'due') AS state, p.received_at,
       coalesce(r.tries, 0) AS tries, r.refund_ref, r.last_error, r.next_try_at,
       coalesce(r.failed_refs, '{}') AS failed_refs, coalesce(p.due_at, p.received_at) AS due_at
FROM :schema.payment p
LEFT JOIN :schema.refund r ON r.payment_ref = p.payment_ref AND r.sale = p.sale
WHERE p.result = 'refund_due'
ORDER BY coalesce(p.due_at, p.received_at) DESC;

ALTER VIEW :schema.refunds OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.refunds IS 'Money that has to go back, and whether it was given back';
COMMENT ON COLUMN :schema.refunds.payment_ref IS 'The provider''s reference of the payment';
COMMENT ON COLUMN :schema.refunds.sale IS 'The sale';
COMMENT ON COLUMN :schema.refunds.order_no IS 'The order that it was paid for';
COMMENT ON COLUMN :schema.refunds.state IS 'due, or done';
COMMENT ON COLUMN :schema.refunds.received_at IS 'When the provider reported the payment';
COMMENT ON COLUMN :schema.refunds.tries IS 'How often a worker has asked the provider';
COMMENT ON COLUMN :schema.refunds.refund_ref IS 'The provider''s reference of the refund';
COMMENT ON COLUMN :schema.refunds.last_error IS 'What the provider said when it failed last';
COMMENT ON COLUMN :schema.refunds.next_try_at IS 'When a worker asks again';
COMMENT ON COLUMN :schema.refunds.failed_refs IS
  'The provider''s references of refunds that failed, oldest first';
COMMENT ON COLUMN :schema.refunds.due_at IS 'Since when it has to go back';
REVOKE ALL ON :schema.refunds FROM PUBLIC;
GRANT SELECT ON :schema.refunds TO flashsale_ops, flashsale_readonly;
