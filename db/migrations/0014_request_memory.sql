-- How long a request id is known beyond its own sale. An id is looked for in the sale of its SKU, and
-- in others while they run and for request_memory_s after: each partition of outcome that is asked costs
-- a batch as much as its ids, and years of sales would make each order dearer (decision 33).

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku_terms
  ADD COLUMN other_sales text[],
  ADD COLUMN other_until timestamptz[],
  ADD COLUMN others_until timestamptz;
COMMENT ON COLUMN catalog.sku_terms.other_sales IS 'catalog.sale: all but its own';
COMMENT ON COLUMN catalog.sku_terms.other_until IS
  'Until when request ids of other_sales are looked for: closes_at + request_memory_s';
COMMENT ON COLUMN catalog.sku_terms.others_until IS 'The latest of other_until';

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('request_memory_s', 86400, 0, 31536000,
   'a request id of one sale is known to the others until this long after it closed');

RESET ROLE;
