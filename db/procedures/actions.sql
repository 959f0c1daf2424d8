-- actions: lists what people did on this server, the newest first.
--
-- Parameters
--   p_sale    only actions of this sale; NULL: of all
--   p_target  only actions on this target; NULL: on all
--   p_before  only actions with a lower number; NULL: from the newest on
--   p_limit   the number of rows, 1 to 1000
-- Result: rows of catalog.action
-- Tables: reads catalog.action
-- Locks: none
-- Errors: none of its own

CREATE OR REPLACE FUNCTION catalog.actions(
  p_sale   text DEFAULT NULL,
  p_target text DEFAULT NULL,
  p_before bigint DEFAULT NULL,
  p_limit  int DEFAULT 100
) RETURNS SETOF catalog.action
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT a.* FROM action a
  WHERE (p_sale IS NULL OR a.sale = p_sale) AND (p_target IS NULL OR a.target = p_target)
    AND (p_before IS NULL OR a.action_no < p_before)
  ORDER BY a.action_no DESC LIMIT least(greatest(p_limit, 1), 1000)
$routine$;

ALTER FUNCTION catalog.actions OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.actions IS 'Lists what people did on this server, the newest first';
REVOKE ALL ON FUNCTION catalog.actions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.actions
  TO flashsale_ops, flashsale_readonly, flashsale_console;
