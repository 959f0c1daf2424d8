-- Numbered goods: a fourth kind (docs/decisions/0072). A unit is a seat, a ticket or a serial number, and a SKU is a
-- section with one price. catalog.section has what the section was made of; unit has a row for each unit. The slots
-- say whether a unit is free, the rows of unit say which ones.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku
  DROP CONSTRAINT sku_goods_check,
  ADD CONSTRAINT sku_goods_check CHECK (CASE goods
    WHEN 'counted' THEN zone IS NULL
    WHEN 'daily' THEN zone IS NOT NULL AND user_limit = 1 AND price = 0
    WHEN 'amounts' THEN zone IS NULL AND user_limit = 1 AND price = 0
    WHEN 'numbered' THEN zone IS NULL
    ELSE false END);
COMMENT ON COLUMN catalog.sku.goods IS
  'The kind of goods: counted, daily (one unit a user and day), amounts (packets of a pot of money), or numbered (seats, serial numbers)';

CREATE TABLE catalog.section (
  sku     text COLLATE "C" PRIMARY KEY REFERENCES catalog.sku ON DELETE CASCADE,
  seats   jsonb NOT NULL CHECK (jsonb_typeof(seats) = 'array'),
  units   int NOT NULL CHECK (units BETWEEN 1 AND 100000),
  singles text COLLATE "C" NOT NULL CHECK (singles IN ('avoid', 'allow')),
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.section IS 'The section of each SKU whose goods are numbered; never changed';
COMMENT ON COLUMN catalog.section.sku IS 'The SKU';
COMMENT ON COLUMN catalog.section.seats IS
  'The seats as the merchant gave them, best first: lines of seats, {row, from, to}, or a list of labels';
COMMENT ON COLUMN catalog.section.units IS 'The number of units';
COMMENT ON COLUMN catalog.section.singles IS
  'avoid: an order leaves no single seat free between others, if other seats are free; allow: no such rule';
COMMENT ON COLUMN catalog.section.made_at IS 'When the section was made';

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format($sql$
      ALTER TABLE %1$I.unit
        ADD COLUMN line text COLLATE "C",
        ADD COLUMN seat text COLLATE "C",
        ADD CONSTRAINT unit_kind_check CHECK ((amount IS NULL) = (seat IS NOT NULL) AND (line IS NULL OR seat IS NOT NULL));
      -- An order of amounts has one packet. An order of numbered goods has as many units as it is for.
      DROP INDEX %1$I.unit_order;
      CREATE UNIQUE INDEX unit_packet ON %1$I.unit (order_no, sale) WHERE amount IS NOT NULL AND order_no IS NOT NULL;
      CREATE INDEX unit_order ON %1$I.unit (order_no) WHERE amount IS NULL AND order_no IS NOT NULL;
      COMMENT ON TABLE %1$I.unit IS
        'Units that are not all alike: packets of a pot, or numbered units. The slots count those that are free';
      COMMENT ON COLUMN %1$I.unit.position IS
        'Its number in the SKU, from 1. Units are taken in this order. Seats side by side have numbers that follow each other';
      COMMENT ON COLUMN %1$I.unit.amount IS
        'What the packet is worth, in the currency of the SKU; secret until it is taken or the sale is over. NULL for numbered units';
      COMMENT ON COLUMN %1$I.unit.order_no IS
        'The order that has it; NULL while it is free. A packet stays taken when its order is cancelled, a numbered unit does not';
      COMMENT ON COLUMN %1$I.unit.line IS 'The row of the seat; NULL for units that are in no row';
      COMMENT ON COLUMN %1$I.unit.seat IS 'The seat in its row, or the serial number; NULL for packets'
    $sql$, v_schema);
  END LOOP;
END
$$;

RESET ROLE;
