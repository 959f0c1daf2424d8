import type { Paths } from '../../zk/tree/paths.ts';
import type { Report } from '../../zk/tree/report.ts';
import type { SettledNodes } from '../dead-nodes.ts';
import type { SkuEdits } from '../edits/sku.ts';
import type { SkuFigures, UnitCount } from '../figures.ts';
import type { NodeFacts, SkuFacts } from './plan.ts';
import { deadRights, type GrantVersions } from './versions.ts';

/** The input of all plans at one moment. `factsOf` extracts the facts of one SKU. Pure. */
export interface View {
  /** Registered web nodes. */
  readonly alive: ReadonlySet<string>;
  /** The last reports, received before `counts` were read. */
  readonly reports: ReadonlyMap<string, Report | undefined>;
  /** Dead nodes that can bring nothing more to the database. */
  readonly settled: SettledNodes;
  /** Units in the database, by SKU. */
  readonly counts: ReadonlyMap<string, UnitCount>;
  /** SKUs with a fresh count. Grants of other SKUs must not be raised. */
  readonly fresh: ReadonlySet<string>;
  /** Bounds that are known to hold, by SKU (see `SkuFacts.covered`). */
  readonly covered: ReadonlyMap<string, number>;
}

export function factsOf(
  paths: Paths,
  sku: string,
  edits: SkuEdits,
  versions: GrantVersions,
  view: View,
): SkuFacts {
  const count = view.counts.get(sku);
  const nodes: NodeFacts[] = [];
  let dead = 0;
  for (const node of new Set([...view.alive, ...versions.nodes, ...view.reports.keys()])) {
    const report = view.reports.get(node);
    // A web node registers and reports in one transaction, so a name without a report is not a web
    // node.
    if (view.alive.has(node) && !view.reports.has(node) && !versions.nodes.includes(node)) continue;
    const facts = versions.facts(node, sku, paths.sku(sku).grant(node), report);
    const pin = edits.pins.get(node)?.value;
    if (view.alive.has(node)) nodes.push(pin === undefined ? facts : { ...facts, pin });
    else if (!view.settled.has(node, count?.home))
      dead += deadRights(facts, report?.final ?? false);
  }
  return {
    target: Math.min(edits.quota.value ?? 0, count?.unitsTotal ?? 0),
    held: count ? count.unitsTotal - count.free : 0,
    deadRights: dead,
    nodes,
    mayGrow: view.fresh.has(sku),
    covered: view.covered.get(sku) ?? Number.POSITIVE_INFINITY,
  };
}

/** Whether the node has ended cleanly and knows the outcome of every request that it admitted. */
export function hasNothingOpen(report: Report | undefined): boolean {
  if (!report?.final) return false;
  return Object.values(report.skus).every(({ admitted, decided }) => admitted === decided);
}

export function figuresOf(facts: SkuFacts): SkuFigures {
  let granted = 0;
  let spare = 0;
  let underWay = 0;
  let [pinned, idle] = [0, 0];
  const pinnedNodes: string[] = [];
  for (const { node, grant = 0, admitted, decided, need, pin } of facts.nodes) {
    granted += grant;
    const left = Math.max(0, grant - admitted);
    spare += left;
    if (pin !== undefined) {
      pinned += left;
      if (left > 0) pinnedNodes.push(node);
    } else if (need === 0) idle += left;
    underWay += admitted - decided;
  }
  const { target, held, deadRights: dead } = facts;
  return { target, held, granted, spare, underWay, dead, pinned, pinnedNodes, idle };
}
