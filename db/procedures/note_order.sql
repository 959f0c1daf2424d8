-- note_order: writes a remark into the history of an order. It changes nothing else.
--
-- Parameters: p_order_no, the order; p_by, who writes it; p_reason, the remark
-- Result: false if there is no such order
-- Tables: reads orders; writes catalog.action
-- Locks: none
-- Errors: 23502, 23514 p_by or p_reason is not as record_action wants it

CREATE OR REPLACE FUNCTION :schema.note_order(p_order_no bigint, p_by text, p_reason text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  PERFORM catalog.record_action(p_by, 'note', o.sale, p_order_no::text, coalesce(p_reason, ''))
  FROM orders o WHERE o.order_no = p_order_no;
  RETURN FOUND;
END
$routine$;

ALTER FUNCTION :schema.note_order OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.note_order IS 'Writes a remark into the history of an order';
REVOKE ALL ON FUNCTION :schema.note_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.note_order TO flashsale_ops, flashsale_console;
