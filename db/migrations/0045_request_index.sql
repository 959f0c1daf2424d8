-- A request has one outcome, also if its id is used in two sales. place_orders looks for its requests in the partitions
-- of other sales, which costs each call some 7 us for each of them: with a hundred open sales, more than the order. So
-- the sales that are created while some others count keep the ids of their requests in one index, which is looked at
-- instead (docs/decisions/0084). Sales that exist already stay without it, and are looked at as before.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sale ADD COLUMN has_request_index boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN catalog.sale.has_request_index IS
  'Whether the ids of its requests are in request_index. create_sale decides it, once';

COMMENT ON COLUMN catalog.sku_terms.other_sales IS
  'All other sales that have SKUs and no request_index, so place_orders looks for requests in each; NULL if there are none';
COMMENT ON COLUMN catalog.sku_terms.others_until IS
  'The last time until which a sale other than its own counts, with request_index or without; NULL if there is no other';

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format(
      'CREATE TABLE %I.request_index (
         request_id uuid NOT NULL,
         sale       text COLLATE "C" NOT NULL,
         PRIMARY KEY (request_id, sale)
       )', v_schema);
    EXECUTE format('CREATE INDEX request_index_sale ON %I.request_index (sale)', v_schema);
    EXECUTE format('COMMENT ON TABLE %I.request_index IS %L', v_schema,
      'The requests that have an outcome in a sale with has_request_index. Workers remove them when the sale no longer counts');
    EXECUTE format('COMMENT ON COLUMN %I.request_index.request_id IS %L', v_schema, 'A request_id of outcome');
    EXECUTE format('COMMENT ON COLUMN %I.request_index.sale IS %L', v_schema, 'The sale of that outcome');
  END LOOP;
END
$$;

RESET ROLE;
