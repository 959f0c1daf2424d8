-- hot_home: returns the hot home that the schema hot stands for. On a server that is only a hot home, this is its
-- own name. On the server of regular it is the home of the SKU or order that the caller names, because the
-- schema hot there takes the transfers for all hot homes, whether it is the home hot itself or not.
--
-- Parameters: p_named, the hot home of the SKU or order; NULL is hot
-- Result: the name
-- Tables: reads catalog.home
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION catalog.hot_home(p_named text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  SELECT coalesce((SELECT max(h.name) FROM catalog.home h WHERE h.here HAVING bool_and(h.name <> 'regular')),
                  p_named, 'hot')
$routine$;

ALTER FUNCTION catalog.hot_home OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.hot_home IS 'The hot home that the schema hot of this server stands for';
REVOKE ALL ON FUNCTION catalog.hot_home FROM PUBLIC;
