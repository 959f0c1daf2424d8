import type { Home } from '../contracts/homes.ts';
import type { AuditRow, AuditTurn } from '../db/audit.ts';
import { type Answers, whole } from '../db/client/homes.ts';
import type { Log } from '../process/log.ts';
import type { Metrics } from '../process/metrics.ts';
import { repeat, Trouble } from './periodic.ts';

/**
 * Calls audit() periodically. One worker per schema does so at a time, and every worker publishes the
 * result, so that each scraped worker has it.
 */

const LOOK_INTERVAL_MS = 5_000;
/** Maximum share of time spent in audits, because an audit uses a core and holds a snapshot. */
const SHARE_MAX = 0.05;
/** Maximum broken promises in one log line; `flashsale db audit` shows all. */
const ROWS_LOGGED_MAX = 10;

export interface AuditCalls {
  /** Result of the last audit, and whether this worker has to make the next one. */
  take(): Promise<AuditTurn>;
  run(): Promise<Answers<AuditRow>>;
  end(done: { rows: number; tookMs: number; nextInMs: number }): Promise<void>;
}

export type AuditMetrics = ReturnType<typeof createAuditMetrics>;

export function createAuditMetrics(metrics: Metrics) {
  return {
    rows: metrics.gauge('flashsale_audit_rows', 'Broken promises that the last audit found', [
      'schema',
    ]),
    seconds: metrics.gauge('flashsale_audit_seconds', 'Duration of the last audit', ['schema']),
    endedAt: metrics.gauge('flashsale_audit_ended_timestamp_seconds', 'When the last audit ended', [
      'schema',
    ]),
    dueAt: metrics.gauge(
      'flashsale_audit_due_timestamp_seconds',
      'When the next audit should have ended, the first one included',
      ['schema'],
    ),
  };
}

export function auditBooks(options: {
  readonly schema: Home;
  readonly calls: AuditCalls;
  /** From the end of one audit to the next; longer if audits take long. */
  readonly intervalMs: number;
  readonly lookIntervalMs?: number;
  readonly log: Log;
  readonly metrics: AuditMetrics;
  readonly stopping: AbortSignal;
}): Promise<void> {
  const { schema, calls, intervalMs, log, metrics, stopping } = options;
  const startedAtMs = Date.now();
  const trouble = new Trouble(log, `audit of ${schema}`);
  const show = (last: AuditTurn['last']) => {
    const tookMs = (last?.seconds ?? 0) * 1_000;
    const dueAtMs = (last?.endedAt.getTime() ?? startedAtMs) + pauseMs(intervalMs, tookMs) + tookMs;
    metrics.dueAt.set({ schema }, dueAtMs / 1_000);
    if (last === undefined) return;
    metrics.rows.set({ schema }, last.rows);
    metrics.seconds.set({ schema }, last.seconds);
    metrics.endedAt.set({ schema }, last.endedAt.getTime() / 1_000);
  };
  show(undefined);
  return repeat(options.lookIntervalMs ?? LOOK_INTERVAL_MS, stopping, async () => {
    try {
      const { mine, last } = await calls.take().catch((error: unknown) => {
        // The result from before the outage may be out of date.
        for (const gauge of [metrics.rows, metrics.seconds, metrics.endedAt])
          gauge.remove({ schema });
        throw error;
      });
      show(last);
      if (mine) {
        const startMs = performance.now();
        const found = await calls.run();
        // An empty result counts only if the other home answered too; otherwise the last one stays.
        const rows = found.rows.length > 0 ? found.rows : whole(found);
        const tookMs = performance.now() - startMs;
        if (rows.length > 0) {
          const shown = rows.slice(0, ROWS_LOGGED_MAX);
          log.error({ schema, rows: rows.length, shown }, 'the audit found broken promises');
        }
        await calls.end({ rows: rows.length, tookMs, nextInMs: pauseMs(intervalMs, tookMs) });
      }
      trouble.fine();
      return mine ? 'more' : 'idle';
    } catch (error) {
      // An audit that was taken but not finished is taken again when its lease runs out.
      trouble.failed(error);
      return 'idle';
    }
  });
}

/** Pause that keeps audits within SHARE_MAX of the time, in milliseconds. */
export function pauseMs(intervalMs: number, tookMs: number): number {
  return Math.max(intervalMs, tookMs * (1 / SHARE_MAX - 1));
}
