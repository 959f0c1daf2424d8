import { createHash } from 'node:crypto';
import type { Metrics } from './metrics.ts';

/**
 * Shows whether processes have the same secrets. A mark has 12 bits of a hash: it tells two secrets apart, and does not
 * help to guess one of at least 24 characters, which all of these have.
 */

const MARK_DIGITS = 3;

function markOf(secret: string): string {
  return createHash('sha256').update(`mark of ${secret}`).digest('hex').slice(0, MARK_DIGITS);
}

/** @param secrets by the names of their variables; without those that are not set */
export function showSecretMarks(
  metrics: Metrics,
  secrets: Readonly<Record<string, string | undefined>>,
): void {
  const gauge = metrics.gauge(
    'flashsale_secret_mark',
    'always 1; the labels are a secret and a mark, which differs if the secret does',
    ['secret', 'mark'],
  );
  for (const [secret, value] of Object.entries(secrets)) {
    if (value !== undefined) gauge.set({ secret, mark: markOf(value) }, 1);
  }
}
