-- table_health: updates, HOT updates and dead rows of the tables of this schema, with partitions added up.
-- stock_slot should have a hot_ratio near 1 and few dead rows. If not, look for a long transaction
-- (pg_stat_activity.backend_xmin) or an index on remaining.

CREATE OR REPLACE VIEW :schema.table_health AS
SELECT t.relation, sum(t.inserted)::bigint AS inserted, sum(t.updated)::bigint AS updated,
       round(sum(t.hot_updated) / nullif(sum(t.updated), 0), 4) AS hot_ratio,
       sum(t.live)::bigint AS live, sum(t.dead)::bigint AS dead,
       round(sum(t.dead) / nullif(sum(t.live) + sum(t.dead), 0), 4) AS dead_share,
       sum(t.size_bytes)::bigint AS size_bytes, max(t.vacuumed_at) AS vacuumed_at
FROM (
  SELECT coalesce(p.relname, s.relname)::text AS relation, s.n_tup_ins AS inserted,
         s.n_tup_upd AS updated, s.n_tup_hot_upd AS hot_updated, s.n_live_tup AS live,
         s.n_dead_tup AS dead, pg_total_relation_size(s.relid) AS size_bytes,
         greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at
  FROM pg_stat_user_tables s
  LEFT JOIN pg_inherits i ON i.inhrelid = s.relid
  LEFT JOIN pg_class p ON p.oid = i.inhparent
  WHERE s.schemaname = :'schema') t
GROUP BY t.relation
ORDER BY t.relation;

ALTER VIEW :schema.table_health OWNER TO flashsale_owner;
COMMENT ON VIEW :schema.table_health IS
  'HOT ratio and dead rows of the tables of this schema, partitions added up';
COMMENT ON COLUMN :schema.table_health.relation IS
  'The table; a partitioned table with all its partitions';
COMMENT ON COLUMN :schema.table_health.inserted IS 'Rows inserted since the statistics began';
COMMENT ON COLUMN :schema.table_health.updated IS 'Rows updated';
COMMENT ON COLUMN :schema.table_health.hot_ratio IS 'Share of updates that changed no index';
COMMENT ON COLUMN :schema.table_health.live IS 'Rows, as the statistics estimate';
COMMENT ON COLUMN :schema.table_health.dead IS 'Dead rows that vacuum has not removed yet';
COMMENT ON COLUMN :schema.table_health.dead_share IS 'dead ÷ all rows';
COMMENT ON COLUMN :schema.table_health.size_bytes IS 'Size in bytes, with indexes';
COMMENT ON COLUMN :schema.table_health.vacuumed_at IS 'When the table or any partition was vacuumed last';
REVOKE ALL ON :schema.table_health FROM PUBLIC;
GRANT SELECT ON :schema.table_health TO flashsale_ops, flashsale_readonly;
