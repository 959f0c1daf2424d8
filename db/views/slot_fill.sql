-- slot_fill: each slot of each SKU, and how the units are spread. If the fullest slot of a SKU has only a
-- small share of its free units, large requests take units from many slots. set_slots() with fewer slots
-- helps.

CREATE OR REPLACE VIEW :schema.slot_fill AS
SELECT k.sale, s.sku, s.slot, s.remaining,
       sum(s.remaining) OVER w AS free,
       round(s.remaining::numeric / nullif(sum(s.remaining) OVER w, 0), 4) AS share,
       round(max(s.remaining) OVER w::numeric / nullif(sum(s.remaining) OVER w, 0), 4)
         AS fullest_share,
       count(*) FILTER (WHERE s.remaining = 0) OVER w AS empty_slots,
       count(*) OVER w AS slots
FROM :schema.stock_slot s
LEFT JOIN catalog.sku k ON k.sku = s.sku
WINDOW w AS (PARTITION BY s.sku)
ORDER BY s.sku, s.slot;

ALTER VIEW :schema.slot_fill OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.slot_fill IS
  'Each slot with its units, its share of the free units, and the share of the fullest slot';
COMMENT ON COLUMN :schema.slot_fill.sale IS 'The sale';
COMMENT ON COLUMN :schema.slot_fill.sku IS 'The SKU';
COMMENT ON COLUMN :schema.slot_fill.slot IS 'Number of the slot';
COMMENT ON COLUMN :schema.slot_fill.remaining IS 'Free units in it';
COMMENT ON COLUMN :schema.slot_fill.free IS 'Free units of the SKU';
COMMENT ON COLUMN :schema.slot_fill.share IS 'remaining ÷ free';
COMMENT ON COLUMN :schema.slot_fill.fullest_share IS 'The fullest slot ÷ free';
COMMENT ON COLUMN :schema.slot_fill.empty_slots IS 'Slots of the SKU without free units';
COMMENT ON COLUMN :schema.slot_fill.slots IS 'Slots of the SKU';
REVOKE ALL ON :schema.slot_fill FROM PUBLIC;
GRANT SELECT ON :schema.slot_fill TO flashsale_ops, flashsale_readonly, flashsale_console;
