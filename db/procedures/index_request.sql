-- index_request: keeps the id of a request in request_index. Trigger of the partitions of outcome whose sale has
-- has_request_index, so that no routine that writes outcomes can forget it.
--
-- Parameters: none
-- Result: none (a row trigger)
-- Tables: writes request_index
-- Locks: the entry, which no other session waits for
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.index_request() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
BEGIN
  -- An older release may have left entries of an earlier sale of this name.
  INSERT INTO request_index (request_id, sale) VALUES (NEW.request_id, NEW.sale) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$routine$;

ALTER FUNCTION :schema.index_request OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.index_request IS
  'Trigger: keeps the id of a request in request_index';
REVOKE ALL ON FUNCTION :schema.index_request FROM PUBLIC;
