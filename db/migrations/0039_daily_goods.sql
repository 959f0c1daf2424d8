-- Kinds of goods (docs/decisions/0070). A daily SKU has no stock to run out of: a user gets one unit a day, by
-- the calendar of its time zone. buyer has the user's last day and streak, and each order the day and the
-- streak that it made.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku
  ADD COLUMN goods text COLLATE "C" NOT NULL DEFAULT 'counted',
  ADD COLUMN zone text COLLATE "C",
  ADD CONSTRAINT sku_goods_check CHECK (CASE goods
    WHEN 'counted' THEN zone IS NULL
    WHEN 'daily' THEN zone IS NOT NULL AND user_limit = 1 AND price = 0
    ELSE false END);
COMMENT ON COLUMN catalog.sku.goods IS 'The kind of goods: counted, or daily (one unit a user and day)';
COMMENT ON COLUMN catalog.sku.zone IS
  'For daily goods: the time zone whose calendar tells the day, such as Europe/Berlin; NULL for others';

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format($sql$
      ALTER TABLE %1$I.buyer ADD COLUMN last_day date, ADD COLUMN streak int,
        ADD CONSTRAINT buyer_streak_check CHECK (
          (last_day IS NULL) = (streak IS NULL) AND streak > 0) NOT VALID;
      COMMENT ON COLUMN %1$I.buyer.last_day IS 'For daily goods: the last day of which the user has a unit';
      COMMENT ON COLUMN %1$I.buyer.streak IS
        'For daily goods: the days in a row, up to last_day, of which the user has units';
      ALTER TABLE %1$I.orders ADD COLUMN day date, ADD COLUMN streak int,
        ADD CONSTRAINT orders_day_check CHECK (
          (day IS NULL) = (streak IS NULL) AND streak > 0 AND (day IS NULL OR units = 1)) NOT VALID;
      COMMENT ON COLUMN %1$I.orders.day IS 'For daily goods: the day of which this is the user''s unit';
      COMMENT ON COLUMN %1$I.orders.streak IS 'For daily goods: the days in a row up to this one'
    $sql$, v_schema);
  END LOOP;
END
$$;

RESET ROLE;
