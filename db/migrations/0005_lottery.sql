-- The secret of a sale's lottery: made with the sale, shown by its hash until the sale has closed.

SET LOCAL ROLE flashsale_owner;

-- A random UUID has 122 bits of the strong generator: three of them, hashed to 256. The default is
-- computed for each row, those that are there already included.
ALTER TABLE catalog.sale
  ADD COLUMN lottery_secret bytea NOT NULL
    DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                   || uuid_send(gen_random_uuid()))
    CHECK (length(lottery_secret) = 32);
COMMENT ON COLUMN catalog.sale.lottery_secret IS
  'Ranks users when requests are shed by lottery; leaves the database only through sale_lottery()';

RESET ROLE;
