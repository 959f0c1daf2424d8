-- Hot SKUs on several servers (HOT_DATABASE_URLS): each server knows which homes it is, the server of regular
-- knows in which hot home a SKU lives, and transfers say between which hot home and regular they travel
-- (docs/decisions/0064).

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.home (
  name   text COLLATE "C" PRIMARY KEY CHECK (name ~ '^(regular|hot(-[1-9][0-9]{0,2})?)$'),
  number int NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 999),
  here   boolean NOT NULL,
  hub    uuid
);
COMMENT ON TABLE catalog.home IS
  'The homes of SKUs that this server knows: on the server of regular all, elsewhere its own';
COMMENT ON COLUMN catalog.home.name IS 'regular, hot, or hot-1 to hot-498';
COMMENT ON COLUMN catalog.home.number IS
  'The last three digits of its order numbers: 1 for regular, 2 for hot, 2 n + 2 for hot-n';
COMMENT ON COLUMN catalog.home.here IS 'Whether this server is that home';
COMMENT ON COLUMN catalog.home.hub IS
  'catalog.installation.id of the server of regular; NULL until prepare has told this server';
INSERT INTO catalog.home (name, number, here) VALUES ('regular', 1, true), ('hot', 2, true);

ALTER TABLE catalog.sku ADD COLUMN hot_home text COLLATE "C";
COMMENT ON COLUMN catalog.sku.hot_home IS
  'On the server of regular: the hot home where it lives, or lived last; NULL is hot';

-- It has a row for each home now.
ALTER TABLE catalog.notice_position DROP CONSTRAINT notice_position_schema_check;
COMMENT ON COLUMN catalog.notice_position.schema IS 'The home whose log it is';

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    -- The primary keys without hot_home stay for the last release. set_homes drops them when there is more
    -- than the home hot, which the last release does not know.
    EXECUTE format($sql$
      ALTER TABLE %1$I.transfer ADD COLUMN hot_home text COLLATE "C" NOT NULL DEFAULT 'hot',
        ADD CONSTRAINT transfer_way UNIQUE (sku, hot_home, transfer_no);
      ALTER TABLE %1$I.transfer_mark ADD COLUMN hot_home text COLLATE "C" NOT NULL DEFAULT 'hot',
        ADD CONSTRAINT transfer_mark_way UNIQUE (sku, hot_home);
      COMMENT ON COLUMN %1$I.transfer.hot_home IS 'The hot home that it goes to or comes from';
      COMMENT ON COLUMN %1$I.transfer_mark.hot_home IS
        'The hot home that the transfers go to or come from';
      COMMENT ON SEQUENCE %1$I.order_no IS
        'Order numbers: from 1,000,000,000 on, the last three digits are the number of the home';
      COMMENT ON COLUMN %1$I.orders.order_no IS
        'Number of the order; home_of_order tells the home from it'
    $sql$, v_schema);
  END LOOP;
END
$$;

RESET ROLE;
