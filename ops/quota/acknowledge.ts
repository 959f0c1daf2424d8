import { setTimeout as delay } from 'node:timers/promises';
import type { Edit } from './operator.ts';
import { isAway, type Reader } from './overview.ts';

/** Waits until an edit is in force everywhere. */

/** The knowledge of a written edit while ZooKeeper is away. */
const UNKNOWN = { nodes: 0, notApplied: ['unknown: ZooKeeper did not answer'] };

export interface Acknowledged {
  /** How long it took, or how long was waited. */
  readonly ms: number;
  /** Live web nodes. */
  readonly nodes: number;
  /** Those that have not applied the edit; for quotas and pins also `the keeper`; or `unknown: …`. */
  readonly notApplied: readonly string[];
}

export interface Wait {
  readonly timeoutMs: number;
  /** Each poll reads a few values of every web node. */
  readonly pollMs: number;
}

/** The edit is written, so it never fails because ZooKeeper is away. */
export async function acknowledged(
  reader: Reader,
  nodesPath: string,
  made: Edit,
  { timeoutMs, pollMs }: Wait,
): Promise<Acknowledged> {
  const editedAt = performance.now();
  const look = async () => {
    try {
      const [nodes, notApplied] = [await reader.names(nodesPath), await reader.notApplied(made)];
      return { nodes: nodes.length, notApplied };
    } catch (error) {
      if (isAway(error)) return UNKNOWN;
      throw error;
    }
  };
  let seen = await look();
  while (seen.notApplied.length > 0 && performance.now() - editedAt < timeoutMs) {
    await delay(pollMs);
    seen = await look();
  }
  return { ms: Math.round(performance.now() - editedAt), ...seen };
}
