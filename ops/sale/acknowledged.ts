import { setTimeout as delay } from 'node:timers/promises';
import { isDigested, saleBoard, saleDigest } from '../../db/calls.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import type { Edit } from '../quota/operator.ts';
import { Reader } from '../quota/overview.ts';
import type { SalePlace } from './place.ts';

/** Tells when every web node knows a change of a sale. */

const POLL_MS = 50;
/** The database is read again after so many polls. */
const POLLS_A_READ = 20;

export interface Acknowledgement {
  /** Live web nodes. */
  readonly nodes: number;
  /** Web nodes, or the keeper, that do not act on the change yet. */
  readonly late: readonly string[];
  readonly ms: number;
}

/**
 * Waits until every live web node reports what the database has of the sale, and applies the edits.
 *
 * @param waitMs after this time, `late` names those that do not
 */
export async function acknowledged(
  { databases, session, root }: SalePlace,
  sale: string,
  edits: readonly Edit[],
  waitMs: number,
): Promise<Acknowledgement> {
  const paths = pathsBelow(root);
  const reader = new Reader(session, paths);
  const startedAt = performance.now();
  const digestNow = async () => {
    const { sales, serverTime } = await saleBoard(databases);
    const present = sales.find((one) => one.sale === sale);
    return present && isDigested(present, serverTime) ? saleDigest(present) : undefined;
  };
  let digest = await digestNow();
  // Of several edits of one path, only the last one stays.
  const last = new Map(edits.map((edit) => [edit.path, edit]));
  for (let polls = 1; ; polls += 1) {
    const nodes = await reader.names(paths.nodes);
    const reports = await Promise.all(nodes.map((node) => reader.report(node)));
    const late = new Set(nodes.filter((_, index) => reports[index]?.sales?.[sale] !== digest));
    for (const edit of last.values()) {
      for (const name of await reader.notApplied(edit)) late.add(name);
    }
    const ms = Math.round(performance.now() - startedAt);
    if (late.size === 0 || ms >= waitMs) return { nodes: nodes.length, late: [...late], ms };
    await delay(POLL_MS);
    // Somebody else may have changed the sale meanwhile.
    if (polls % POLLS_A_READ === 0) digest = await digestNow();
  }
}
