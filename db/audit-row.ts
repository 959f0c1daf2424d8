import type { Home } from '../contracts/homes.ts';

/** A broken promise: something that the audit found not to add up. */
export interface AuditRow {
  /** Name of the home. */
  readonly schema: Home;
  readonly promise: string;
  readonly sku: string | null;
  readonly detail: string;
  readonly expected: number;
  readonly actual: number;
  /** The remedy, in words. */
  readonly remedy: string;
}

/**
 * Whether workers mend this by themselves, as soon as they run: work that has waited for too long. All other rows are
 * about books that do not add up. The words are those of audit().
 */
export const waitsForWorker = ({ remedy }: AuditRow): boolean =>
  remedy.startsWith('start a worker');

/** Far more than an audit needs: it takes 2 to 4 µs per order, and somewhat more under load. */
export const AUDIT_TIMEOUT_MS = 10 * 60_000;
