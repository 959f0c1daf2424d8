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

/** Far more than an audit needs: it takes 2 to 4 µs per order, and somewhat more under load. */
export const AUDIT_TIMEOUT_MS = 10 * 60_000;
