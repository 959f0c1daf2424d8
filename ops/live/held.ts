import type { Held } from '../../db/stranded.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import type { Report } from '../../zk/tree/report.ts';
import type { Reader } from '../quota/overview.ts';

interface HeldSku {
  readonly sku: string;
  /** Web nodes whose grant is fixed. */
  readonly pinned: readonly string[];
  readonly living: ReadonlySet<string>;
  readonly reports: ReadonlyMap<string, Report>;
}

/** Like `Reader.held`, with the grants that the reports of live nodes have. */
export async function heldOf(
  reader: Reader,
  paths: Paths,
  { sku, pinned, living, reports }: HeldSku,
): Promise<Held> {
  const held = { pinned: 0, pinnedNodes: [] as string[], idle: 0, dead: 0, underWay: 0 };
  for (const [node, report] of reports) {
    const { grant = 0, admitted = 0, decided = 0, need = 0 } = report.skus[sku] ?? {};
    if (!living.has(node)) {
      const granted = await reader.text(paths.sku(sku).grant(node));
      const most = Math.max(Number(granted?.text ?? 0), admitted);
      held.dead += (report.final ? admitted : most) - decided;
      continue;
    }
    held.underWay += admitted - decided;
    const left = Math.max(0, grant - admitted);
    if (pinned.includes(node)) {
      held.pinned += left;
      if (left > 0) held.pinnedNodes.push(node);
    } else if (need === 0) held.idle += left;
  }
  return held;
}
