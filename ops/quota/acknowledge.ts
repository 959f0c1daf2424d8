import { setTimeout as delay } from 'node:timers/promises';
import type { Edit } from './operator.ts';
import type { Reader } from './overview.ts';

/** Waits until an edit is in force everywhere. */

const POLL_MS = 5;

export interface Acknowledged {
  /** How long it took, or how long was waited. */
  readonly ms: number;
  /** Live web nodes. */
  readonly nodes: number;
  /** Those that have not applied the edit; for quotas and pins also `the keeper`. */
  readonly notApplied: readonly string[];
}

export async function acknowledged(
  reader: Reader,
  nodesPath: string,
  made: Edit,
  waitMs: number,
): Promise<Acknowledged> {
  const editedAt = performance.now();
  const nodes = (await reader.names(nodesPath)).length;
  let notApplied = await reader.notApplied(made);
  while (notApplied.length > 0 && performance.now() - editedAt < waitMs) {
    await delay(POLL_MS);
    notApplied = await reader.notApplied(made);
  }
  return { ms: Math.round(performance.now() - editedAt), nodes, notApplied };
}
