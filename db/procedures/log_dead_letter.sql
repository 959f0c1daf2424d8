-- log_dead_letter: records what an operator did with a dead letter, before the letter leaves its queue.
--
-- Parameters: the columns of dead_letter of the same names. p_error, p_sku and p_reason may be NULL;
--   p_content has the first bytes of the message, p_bytes its length
-- Result: none
-- Tables: writes dead_letter
-- Locks: none
-- Errors: 23514 the table does not allow the action

CREATE OR REPLACE FUNCTION :schema.log_dead_letter(
  p_letter      text,
  p_action      text,
  p_queue       text,
  p_cause       text,
  p_error       text,
  p_sku         text,
  p_request_ids uuid[],
  p_reason      text,
  p_headers     jsonb,
  p_content     bytea,
  p_bytes       int,
  p_handled_by  text
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
  INSERT INTO dead_letter (letter, action, queue, cause, error, sku, request_ids, reason, headers,
                           content, bytes, handled_by)
  VALUES (p_letter, p_action, p_queue, p_cause, p_error, p_sku, p_request_ids, p_reason, p_headers,
          p_content, p_bytes, p_handled_by)
$routine$;

ALTER FUNCTION :schema.log_dead_letter OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.log_dead_letter IS
  'Records what an operator did with a dead letter';
REVOKE ALL ON FUNCTION :schema.log_dead_letter FROM PUBLIC;
GRANT EXECUTE ON FUNCTION :schema.log_dead_letter TO flashsale_ops;
