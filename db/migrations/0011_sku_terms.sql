-- All that place_orders has to know of a SKU, in one row.

SET LOCAL ROLE flashsale_owner;

-- Four tables with an index each, read by every call, were eight of the 32 relation locks of an order;
-- a backend keeps 16 to itself, and the others go through the lock table that all share (decision 26).
-- refresh_sku_terms() writes it, in the transaction that changes any of the four.
CREATE TABLE catalog.sku_terms (
  sku                text COLLATE "C" PRIMARY KEY,
  sale               text COLLATE "C" NOT NULL,
  home               text COLLATE "C" NOT NULL,
  abroad             boolean NOT NULL,
  moved              boolean NOT NULL,
  price              numeric(12, 2) NOT NULL,
  currency           text NOT NULL,
  user_limit         int NOT NULL,
  state              text NOT NULL,
  opens_at           timestamptz NOT NULL,
  late_until         timestamptz NOT NULL,
  pay_window         interval NOT NULL,
  canary             text,
  canary_always      boolean NOT NULL,
  canary_share       double precision NOT NULL,
  batch_requests_max bigint NOT NULL,
  pick_retries       bigint NOT NULL,
  pick_retry_wait_us bigint NOT NULL,
  call_figures       boolean NOT NULL
);
COMMENT ON TABLE catalog.sku_terms IS
  'Copy of what place_orders needs of sku, sale, tunable and canary: change those, not this';
COMMENT ON COLUMN catalog.sku_terms.sku IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.sale IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.home IS 'catalog.sku.schema';
COMMENT ON COLUMN catalog.sku_terms.abroad IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.moved IS 'catalog.sku.moves > 0';
COMMENT ON COLUMN catalog.sku_terms.price IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.currency IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.user_limit IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.state IS 'catalog.sku';
COMMENT ON COLUMN catalog.sku_terms.opens_at IS 'catalog.sale';
COMMENT ON COLUMN catalog.sku_terms.late_until IS 'catalog.sale.closes_at + late_grace_ms';
COMMENT ON COLUMN catalog.sku_terms.pay_window IS 'catalog.sale';
COMMENT ON COLUMN catalog.sku_terms.canary IS 'catalog.canary.routine of its home; NULL: none';
COMMENT ON COLUMN catalog.sku_terms.canary_always IS 'Named in catalog.canary.skus';
COMMENT ON COLUMN catalog.sku_terms.canary_share IS 'catalog.canary.share';
COMMENT ON COLUMN catalog.sku_terms.batch_requests_max IS 'catalog.tunable';
COMMENT ON COLUMN catalog.sku_terms.pick_retries IS 'catalog.tunable';
COMMENT ON COLUMN catalog.sku_terms.pick_retry_wait_us IS 'catalog.tunable';
COMMENT ON COLUMN catalog.sku_terms.call_figures IS 'catalog.tunable';

RESET ROLE;
