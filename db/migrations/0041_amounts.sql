-- Amounts: a third kind of goods (docs/decisions/0071). A pot of money is divided into packets before the sale
-- opens, and each buyer draws one. catalog.pot has what the division was committed to; unit has a row for each
-- packet. The slots say whether a packet is free, the rows of unit say which one.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku
  DROP CONSTRAINT sku_goods_check,
  ADD CONSTRAINT sku_goods_check CHECK (CASE goods
    WHEN 'counted' THEN zone IS NULL
    WHEN 'daily' THEN zone IS NOT NULL AND user_limit = 1 AND price = 0
    WHEN 'amounts' THEN zone IS NULL AND user_limit = 1 AND price = 0
    ELSE false END);
COMMENT ON COLUMN catalog.sku.goods IS
  'The kind of goods: counted, daily (one unit a user and day), or amounts (packets of a pot of money)';

CREATE TABLE catalog.pot (
  sku      text COLLATE "C" PRIMARY KEY REFERENCES catalog.sku ON DELETE CASCADE,
  amount   numeric NOT NULL CHECK (amount > 0),
  packets  int NOT NULL CHECK (packets BETWEEN 1 AND 100000),
  division text COLLATE "C" NOT NULL CHECK (division IN ('random', 'equal', 'list')),
  list     numeric[],
  sha256   text COLLATE "C" CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  salt     text COLLATE "C" CHECK (salt ~ '^[0-9a-f]{64}$'),
  made_at  timestamptz NOT NULL DEFAULT now(),
  CHECK ((division = 'list') = (list IS NOT NULL)),
  CHECK ((sha256 IS NULL) = (salt IS NULL))
);
COMMENT ON TABLE catalog.pot IS 'The pot of each SKU whose goods are amounts; never changed';
COMMENT ON COLUMN catalog.pot.sku IS 'The SKU';
COMMENT ON COLUMN catalog.pot.amount IS 'All that is given away, in the currency of the SKU';
COMMENT ON COLUMN catalog.pot.packets IS 'The number of packets that it was divided into';
COMMENT ON COLUMN catalog.pot.division IS 'How: at random by the double-mean rule, equally, or by a list';
COMMENT ON COLUMN catalog.pot.list IS 'The amounts of the list, as the merchant gave them; NULL without a list';
COMMENT ON COLUMN catalog.pot.sha256 IS
  'The commitment: SHA-256 of the salt and the amounts by position, a line each. NULL where the SKU lives on another server';
COMMENT ON COLUMN catalog.pot.salt IS
  'Secret until the sale is over: 64 hexadecimal digits. NULL where the SKU lives on another server';
COMMENT ON COLUMN catalog.pot.made_at IS 'When the pot was divided';

DO $$
DECLARE
  v_schema text;
  v_sale   text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format($sql$
      CREATE TABLE %1$I.unit (
        sale     text COLLATE "C" NOT NULL,
        sku      text COLLATE "C" NOT NULL,
        position int NOT NULL CHECK (position >= 1),
        amount   numeric CHECK (amount > 0),
        order_no bigint,
        PRIMARY KEY (sku, position, sale)
      ) PARTITION BY LIST (sale);
      -- A unit belongs to one order at most, and so an order of amounts has one packet.
      CREATE UNIQUE INDEX unit_order ON %1$I.unit (order_no, sale) WHERE order_no IS NOT NULL;
      CREATE INDEX unit_free ON %1$I.unit (sku, position) WHERE order_no IS NULL;
      COMMENT ON TABLE %1$I.unit IS
        'Units that are not all alike: the packets of a pot. The slots count those that are free';
      COMMENT ON COLUMN %1$I.unit.sale IS 'Key of the partition';
      COMMENT ON COLUMN %1$I.unit.sku IS 'The SKU';
      COMMENT ON COLUMN %1$I.unit.position IS 'Its number in the SKU, from 1. Units are taken in this order';
      COMMENT ON COLUMN %1$I.unit.amount IS
        'The worth of the packet, in the currency of the SKU; secret until it is taken or the sale is over';
      COMMENT ON COLUMN %1$I.unit.order_no IS
        'The order that took it; NULL while it is free. A packet stays taken when its order is cancelled'
    $sql$, v_schema);
    FOR v_sale IN SELECT s.sale FROM catalog.sale s LOOP
      EXECUTE format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.unit FOR VALUES IN (%3$L)',
                     v_schema, 'unit(' || v_sale || ')', v_sale);
    END LOOP;
  END LOOP;
END
$$;

RESET ROLE;
