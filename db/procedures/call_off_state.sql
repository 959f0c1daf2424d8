-- call_off_state: returns how far the calling off of a sale has come in this schema.
--
-- Parameters: p_sale, the sale
-- Result: one row of counts
--   unpaid, paid   orders that call_off_orders still has to end
--   transfers      late payments on their way from this server to the other schema: they may still make its
--                  orders paid. Transfers are in the schema that they go to
--   cancelled      orders that were cancelled with the sale
--   refunds_done   payments of the sale that went back, whatever the cause
--   refunds_due    payments of the sale that wait for the provider or for a person
--   sessions       sessions of the payment provider that are to be ended
--   paying         sessions in which a payment is under way: it will go back when it comes
-- Tables: reads orders, transfer, payment, refund, checkout
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.call_off_state(p_sale text)
RETURNS TABLE (
  unpaid bigint, paid bigint, transfers bigint, cancelled bigint, refunds_done bigint,
  refunds_due bigint, sessions bigint, paying bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  SELECT o.unpaid, o.paid, t.transfers, o.cancelled, p.done, p.due, c.sessions, c.paying
  FROM (SELECT count(*) FILTER (WHERE a.status = 'ordered') AS unpaid,
               count(*) FILTER (WHERE a.status = 'paid') AS paid,
               count(*) FILTER (WHERE a.reason = 'called_off') AS cancelled
        FROM orders a WHERE a.sale = p_sale) o
  CROSS JOIN (SELECT count(*) AS transfers
              FROM (SELECT 'regular' AS target, t.* FROM regular.transfer t
                    UNION ALL SELECT 'hot', t.* FROM hot.transfer t) a
              WHERE a.target <> current_schema()
                AND a.sale = p_sale AND a.kind = 'payment' AND a.done_at IS NULL) t
  CROSS JOIN (SELECT count(*) FILTER (WHERE r.state = 'done') AS done,
                     count(*) FILTER (WHERE r.state IS DISTINCT FROM 'done') AS due
              FROM payment a
              LEFT JOIN refund r ON r.payment_ref = a.payment_ref AND r.sale = a.sale
              WHERE a.sale = p_sale AND a.result = 'refund_due') p
  CROSS JOIN (SELECT count(*) FILTER (WHERE a.state = 'ending') AS sessions,
                     count(*) FILTER (WHERE a.state = 'paying') AS paying
              FROM checkout a WHERE a.sale = p_sale) c
$routine$;

ALTER FUNCTION :schema.call_off_state OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.call_off_state IS 'How far the calling off of a sale has come in this schema';
REVOKE ALL ON FUNCTION :schema.call_off_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.call_off_state TO flashsale_ops, flashsale_console;
