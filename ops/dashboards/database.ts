import { dashboard, graph, percentiles } from './panels.ts';

/** PostgreSQL: our routines as the workers see them, and the servers by prometheus-postgres-exporter. */

/** Newer versions of the exporter add `_total` to the names of counters. */
const counter = (name: string) => `{__name__=~"${name}(_total)?"}`;

/** Of databases: the pages that all of them share have no name. */
const pages = (name: string) =>
  `sum by (datname) (rate({__name__=~"${name}(_total)?", datname!=""}[1m]))`;
const HIT = pages('pg_stat_database_blks_hit');
const READ = pages('pg_stat_database_blks_read');

export const database = dashboard({
  uid: 'flashsale-database',
  title: 'Flash sale: database',
  description: 'PostgreSQL. The second row needs prometheus-postgres-exporter.',
  sections: [
    {
      title: 'Routines of the sale',
      panels: [
        graph({
          title: 'Time of routines',
          description: 'Time of a call as the worker sees it, COMMIT included.',
          unit: 's',
          queries: percentiles('flashsale_worker_procedure_seconds', ['schema', 'routine']),
        }),
        graph({
          title: 'Calls of routines',
          description: 'Calls a second. A call decides many requests.',
          unit: 'ops',
          queries: {
            '{{schema}} {{routine}}':
              'sum by (schema, routine) (rate(flashsale_worker_procedure_seconds_count[30s]))',
          },
        }),
        graph({
          title: 'Calls that failed',
          description: 'They are repeated. Look at the log of the workers and of PostgreSQL.',
          unit: 'ops',
          queries: {
            '{{schema}} {{routine}} {{kind}}':
              'sum by (schema, routine, kind) (rate(flashsale_worker_retries_total[30s]))',
          },
        }),
        graph({
          title: 'Audit',
          description: 'How long an audit of a home takes. Broken promises are on the overview.',
          unit: 's',
          queries: { '{{schema}}': 'max by (schema) (flashsale_audit_seconds)' },
        }),
        graph({
          title: 'Servers reachable',
          description: '1 while all processes can use the server, 0 while one of them cannot.',
          unit: 'short',
          queries: {
            '{{dependency}}':
              'min by (dependency) (flashsale_dependency_up{dependency=~"postgres.*"})',
          },
        }),
        graph({
          title: 'Queries that wait for a session',
          description:
            'The pool of a process is busy. Look at the time of the routines, then at the size of the pool.',
          unit: 'short',
          queries: {
            '{{instance}} {{dependency}}':
              'sum by (instance, dependency) (flashsale_database_waiting_queries)',
          },
        }),
        graph({
          title: 'Sessions of the pools',
          description: 'Busy and idle sessions of all processes, and as many as they may open.',
          unit: 'short',
          queries: {
            '{{dependency}} {{state}}':
              'sum by (dependency, state) (flashsale_database_sessions{state!="kept"})',
          },
        }),
        graph({
          title: 'What waits in the database',
          description:
            'How long the oldest of each kind has waited: outbox, webhooks, refunds and more.',
          unit: 's',
          queries: {
            '{{schema}} {{waiting}}': 'max by (schema, waiting) (flashsale_backlog_seconds)',
          },
        }),
        graph({
          title: 'Transfers between servers',
          description: 'With two servers: what one of them sent to the other.',
          unit: 'ops',
          queries: {
            '{{schema}}': 'sum by (schema) (rate(flashsale_worker_carried_post_total[30s]))',
          },
        }),
      ],
    },
    {
      title: 'Servers',
      panels: [
        graph({
          title: 'Sessions',
          description: 'By state, and the most that the server allows.',
          unit: 'short',
          queries: {
            '{{server}} {{state}}': 'sum by (server, state) (pg_stat_activity_count) > 0',
            '{{server}} limit':
              'max by (server) ({__name__=~"pg_settings_max_connections|postgres_sessions_max"})',
          },
        }),
        graph({
          title: 'Locks',
          description:
            'Locks that are held, by mode. Waits for locks are in the log (log_lock_waits).',
          unit: 'short',
          queries: { '{{mode}}': 'sum by (mode) (pg_locks_count) > 0' },
        }),
        graph({
          title: 'Longest wait for a lock',
          description:
            'From the queries of ops/monitoring. Above a second, somebody holds a lock for long.',
          unit: 's',
          queries: { '{{server}}': 'max by (server) (postgres_longest_lock_wait_seconds)' },
        }),
        graph({
          title: 'Slow statements',
          description: 'Statements that have been running for more than a second, without audits.',
          unit: 'short',
          queries: { '{{server}}': 'max by (server) (postgres_longest_slow_statements)' },
        }),
        graph({
          title: 'Longest transaction',
          description: 'A long one keeps dead rows alive and makes the sale slow.',
          unit: 's',
          queries: { '{{server}}': 'max by (server) (pg_stat_activity_max_tx_duration)' },
        }),
        graph({
          title: 'Commits and rollbacks',
          description: 'Transactions a second.',
          unit: 'ops',
          queries: {
            commits: `sum(rate(${counter('pg_stat_database_xact_commit')}[30s]))`,
            rollbacks: `sum(rate(${counter('pg_stat_database_xact_rollback')}[30s]))`,
            deadlocks: `sum(rate(${counter('pg_stat_database_deadlocks')}[30s]))`,
          },
        }),
        graph({
          title: 'Lag of standbys',
          description: 'WAL that a standby has not replayed yet. Empty without a standby.',
          unit: 'bytes',
          queries: {
            '{{application_name}} {{server}}':
              'max by (server, application_name) (pg_stat_replication_pg_wal_lsn_diff)',
          },
        }),
        graph({
          title: 'Checkpoints',
          description: 'Requested ones during a sale mean that max_wal_size is too small.',
          unit: 'ops',
          queries: {
            // The second name is that of PostgreSQL 17 and later.
            timed: `sum(rate(${counter('pg_stat_(bgwriter_checkpoints|checkpointer_num)_timed')}[5m]))`,
            requested: `sum(rate(${counter('pg_stat_(bgwriter_checkpoints|checkpointer_num)_req(uested)?')}[5m]))`,
          },
        }),
        graph({
          title: 'Read from memory',
          description: 'Share of the pages that were found in shared buffers.',
          unit: 'percentunit',
          queries: {
            '{{datname}}': `${HIT} / (${HIT} + ${READ} > 0)`,
          },
        }),
        graph({
          title: 'Rows written',
          description:
            'Rows that were inserted, updated and deleted, in all databases of the servers.',
          unit: 'ops',
          queries: {
            inserted: `sum(rate(${counter('pg_stat_database_tup_inserted')}[30s]))`,
            updated: `sum(rate(${counter('pg_stat_database_tup_updated')}[30s]))`,
            deleted: `sum(rate(${counter('pg_stat_database_tup_deleted')}[30s]))`,
          },
        }),
        graph({
          title: 'Size of databases',
          description: 'On disk. Free space is on the screen of the host.',
          unit: 'bytes',
          queries: { '{{datname}}': 'max by (datname) (pg_database_size_bytes)' },
        }),
      ],
    },
  ],
});
