-- Refunds are taken by provider and time from an index, however many wait. A trigger of payment (queue_refund)
-- makes the row of each refund.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format('DROP INDEX %I.refund_due', v_schema);
    EXECUTE format($sql$CREATE INDEX refund_due ON %I.refund (split_part(payment_ref, ':', 1), next_try_at)
                        WHERE state = 'due'$sql$, v_schema);
    EXECUTE format('COMMENT ON TABLE %I.refund IS %L', v_schema,
      'Refunds of payments whose result is refund_due. A trigger of payment inserts the row');
  END LOOP;
END
$$;

RESET ROLE;
