-- Orders of a user are found by a hash index (docs/decisions/0081). Users buy in any order, so each order changes another
-- page of this index. With a third of the size it has a third of the pages, and each of them goes whole to the WAL after
-- a checkpoint. Only equality is asked for. It takes some three seconds for a million orders, and new orders wait meanwhile.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format('DROP INDEX %I.orders_user', v_schema);
    EXECUTE format('CREATE INDEX orders_user ON %I.orders USING hash (user_id)', v_schema);
  END LOOP;
END
$$;

RESET ROLE;
