-- Refunds and payment sessions that failed are found by an index, however many orders there are: alerts ask for
-- them every two seconds (payment_failures). sale_figures no longer counts them, so its result changes.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format($sql$CREATE INDEX refund_failing ON %I.refund (order_no)
                        WHERE state = 'due' AND last_error IS NOT NULL$sql$, v_schema);
    EXECUTE format($sql$CREATE INDEX checkout_failing ON %I.checkout (order_no)
                        WHERE state = 'ending' AND last_error IS NOT NULL$sql$, v_schema);
  END LOOP;
END
$$;

-- contract: the last release does not have this routine
DROP FUNCTION IF EXISTS regular.sale_figures(interval), hot.sale_figures(interval);

RESET ROLE;
