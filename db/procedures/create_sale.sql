-- create_sale: creates a sale and its partitions in both order schemas.
--
-- Parameters
--   p_sale        the name of the sale: letters, digits, _ and -, at most 40 characters
--   p_title       the title that shoppers see
--   p_opens_at, p_closes_at   requests are accepted between these times
--   p_pay_window  the time from an order to its expiry if it is not paid
--   p_presentation  the column of that name
--   p_by, p_reason  who creates it, and why (catalog.action); NULL as p_by: the login
-- Result: true if the sale was created; false if it exists with the same values (p_presentation is not
--   compared)
-- Tables: reads catalog.tunable; writes catalog.sale and catalog.action; creates a partition of each partitioned table of
--   regular and hot. Its name is like orders(<sale>), which is the name of no other table, index, view or partition
-- Locks, in order
--   1. the key of catalog.sale
--   2. SHARE UPDATE EXCLUSIVE on the partitioned tables. Orders continue in the meantime. (CREATE TABLE …
--      PARTITION OF would block all orders until it is done, hence CREATE and ATTACH.)
-- Errors: FS003 the sale exists with other values; 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.create_sale(
  p_sale       text,
  p_title      text,
  p_opens_at   timestamptz,
  p_closes_at  timestamptz,
  p_pay_window interval DEFAULT interval '15 minutes',
  p_presentation jsonb DEFAULT '{}',
  p_by         text DEFAULT NULL,
  p_reason     text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  v_table record;
  v_partition text;
  -- Up to four sales, a look into the table of each costs less than to keep the ids of their requests.
  v_is_indexed boolean := 4 <= (
    SELECT count(*) FROM catalog.sale s WHERE s.closes_at + tunable('request_memory_s') * interval '1 s' > now());
BEGIN
  INSERT INTO catalog.sale (sale, title, opens_at, closes_at, pay_window, presentation, has_request_index)
  VALUES (p_sale, p_title, p_opens_at, p_closes_at, p_pay_window, p_presentation, v_is_indexed)
  ON CONFLICT (sale) DO NOTHING;
  IF NOT FOUND THEN
    IF NOT EXISTS (
      SELECT FROM catalog.sale s
      WHERE s.sale = p_sale
        AND (s.title, s.opens_at, s.closes_at, s.pay_window)
          = (p_title, p_opens_at, p_closes_at, p_pay_window)) THEN
      RAISE EXCEPTION 'sale % exists with other values', p_sale USING ERRCODE = 'FS003';
    END IF;
    RETURN false;
  END IF;

  FOR v_table IN
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'p' AND n.nspname IN ('regular', 'hot')
    ORDER BY n.nspname, c.relname
  LOOP
    v_partition := v_table.name || '(' || p_sale || ')';
    EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)',
                   v_table.schema, v_partition, v_table.name);
    EXECUTE format('ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES IN (%4$L)',
                   v_table.schema, v_partition, v_table.name, p_sale);
    IF v_is_indexed AND v_table.name = 'outcome' THEN
      EXECUTE format('CREATE TRIGGER index_request AFTER INSERT ON %1$I.%2$I
                      FOR EACH ROW EXECUTE FUNCTION %1$I.index_request()', v_table.schema, v_partition);
    END IF;
  END LOOP;
  PERFORM record_action(coalesce(p_by, session_user), 'create', p_sale, p_sale, p_reason,
    jsonb_build_object('title', p_title, 'opens_at', p_opens_at, 'closes_at', p_closes_at,
                       'pay_window', p_pay_window));
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.create_sale OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.create_sale IS
  'Creates a sale and its partitions; false if it exists with the same values';
REVOKE ALL ON FUNCTION catalog.create_sale FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.create_sale TO flashsale_ops, flashsale_console;
