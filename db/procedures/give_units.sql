-- give_units: gives locked units to new orders of a numbered SKU, side by side if several are wanted (choose_units).
-- Part of place_numbered, place_chosen, pay_order and serve_waitlist.
--
-- Parameters
--   p_sale, p_sku  the SKU
--   p_held         positions that this transaction has locked (lock_units), ascending
--   p_order_nos    the orders, best first; p_units has the units of each
--   p_chosen       what choose_units has chosen for them; NULL: it is asked here
-- Result: none
-- Tables: reads catalog.section; writes unit (mark_units)
-- Locks: none but those that the caller holds
-- Errors: FS500 the books do not balance (a bug)

CREATE OR REPLACE FUNCTION :schema.give_units(
  p_sale text, p_sku text, p_held int[], p_order_nos bigint[], p_units int[], p_chosen int[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
DECLARE
  v_chosen  int[] := p_chosen;
  v_singles boolean;
  v_wanted  bigint := (SELECT sum(u.units) FROM unnest(p_units) AS u (units));
  v_numbers bigint[];  -- the order of each of v_chosen
  v_given   bigint;
BEGIN
  IF v_wanted > cardinality(p_held) THEN
    RAISE EXCEPTION '% units of % are locked for orders of %', cardinality(p_held), p_sku, v_wanted
      USING ERRCODE = 'FS500';
  END IF;
  IF v_chosen IS NULL THEN
    v_singles := (SELECT s.singles = 'allow' FROM catalog.section s WHERE s.sku = p_sku);
    v_chosen := (SELECT c.chosen FROM catalog.choose_units(p_held, p_units, v_singles) c);
  END IF;
  -- Arrays, because the planner takes a join with generate_series for so many rows that it would read the whole table.
  v_numbers := ARRAY(
    SELECT e.order_no FROM unnest(p_order_nos, p_units) WITH ORDINALITY AS e (order_no, units, at)
    CROSS JOIN LATERAL generate_series(1, e.units) ORDER BY e.at);
  v_given := mark_units(p_sale, p_sku, v_chosen, v_numbers);
  IF v_given <> v_wanted THEN
    RAISE EXCEPTION 'gave % units of % to orders of %', v_given, p_sku, v_wanted USING ERRCODE = 'FS500';
  END IF;
END
$routine$;

ALTER FUNCTION :schema.give_units OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.give_units IS
  'Gives locked units to new orders, side by side: part of place_numbered, pay_order and serve_waitlist';
REVOKE ALL ON FUNCTION :schema.give_units FROM PUBLIC;
