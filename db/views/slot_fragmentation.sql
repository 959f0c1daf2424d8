-- slot_fragmentation: how scattered the free units of each SKU are, one row for each SKU. If largest_share is
-- far below the share that a request wants of the free units, the request takes units from many slots.
-- set_slots() with fewer slots helps.

CREATE OR REPLACE VIEW :schema.slot_fragmentation AS
SELECT k.sale, s.sku, count(*) AS slots, count(*) FILTER (WHERE s.remaining = 0) AS empty_slots,
       sum(s.remaining) AS remaining, max(s.remaining) AS largest,
       round(max(s.remaining)::numeric / nullif(sum(s.remaining), 0), 4) AS largest_share
FROM :schema.stock_slot s
LEFT JOIN catalog.sku k ON k.sku = s.sku
GROUP BY k.sale, s.sku
ORDER BY k.sale, s.sku;

ALTER VIEW :schema.slot_fragmentation OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.slot_fragmentation IS
  'How scattered the free units of each SKU are: the fullest slot against all free units';
COMMENT ON COLUMN :schema.slot_fragmentation.sale IS 'The sale';
COMMENT ON COLUMN :schema.slot_fragmentation.sku IS 'The SKU';
COMMENT ON COLUMN :schema.slot_fragmentation.slots IS 'Slots';
COMMENT ON COLUMN :schema.slot_fragmentation.empty_slots IS 'Slots without free units';
COMMENT ON COLUMN :schema.slot_fragmentation.remaining IS 'Free units';
COMMENT ON COLUMN :schema.slot_fragmentation.largest IS 'Units in the fullest slot';
COMMENT ON COLUMN :schema.slot_fragmentation.largest_share IS
  'largest ÷ remaining; NULL when nothing remains';
REVOKE ALL ON :schema.slot_fragmentation FROM PUBLIC;
GRANT SELECT ON :schema.slot_fragmentation TO flashsale_ops, flashsale_readonly;
