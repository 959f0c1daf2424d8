-- current_slots: the slots of a SKU, without the versions of those that renew_slots has replaced. Orders read
-- their slots with it or with the same condition. Without it they read the same rows, but pass all old versions
-- while a transaction holds a snapshot.
--
-- Parameters: p_sku
-- Result: its rows of stock_slot
-- Tables: reads stock_slot
-- Locks: none. (FOR UPDATE does not go through a function: routines that lock slots have the condition themselves)
-- Errors: none
--
-- Slots have numbers from 1 + n * 1024 on, and renew_slots makes them anew in the next 1024. So the largest number
-- tells where the present ones begin, and the index finds it first from its end.
--
-- It runs with the rights and the search_path of the caller: PostgreSQL makes a function without settings of
-- its own part of the calling statement.

CREATE OR REPLACE FUNCTION :schema.current_slots(p_sku text) RETURNS SETOF :schema.stock_slot
LANGUAGE sql STABLE
SET search_path = :schema, pg_temp
AS $routine$
  SELECT s.* FROM stock_slot s
  WHERE s.sku = p_sku AND s.slot > (SELECT (l.slot - 1) / 1024 * 1024 FROM stock_slot l WHERE l.sku = p_sku ORDER BY l.slot DESC LIMIT 1)
$routine$;

-- The search_path is for the check of the body only.
ALTER FUNCTION :schema.current_slots RESET search_path;
ALTER FUNCTION :schema.current_slots OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.current_slots IS
  'The slots of a SKU, without old versions of renewed ones: part of place_mixed_batch and others';
REVOKE ALL ON FUNCTION :schema.current_slots FROM PUBLIC;
