import type { Report } from '../../zk/tree/report.ts';
import type { LiveNode } from './view.ts';

type Units = LiveNode['skus'];

/** Many nodes have the report of the look before. */
const unitsOfReports = new WeakMap<Report, Units>();

/** Returns the web nodes, with what each may admit and which edits it has not applied. */
export function liveNodes(
  living: ReadonlySet<string>,
  reports: ReadonlyMap<string, Report>,
  /** Path → version of what every report should name by now; undefined where there is no value. */
  settled: ReadonlyMap<string, number | undefined>,
): LiveNode[] {
  return [...new Set([...living, ...reports.keys()])].sort().map((node) => {
    const report = reports.get(node);
    const isAlive = living.has(node);
    const late: string[] = [];
    for (const [path, version] of isAlive ? settled : []) {
      if (report?.applied[path] !== version) late.push(path);
    }
    return { node, isAlive, skus: report === undefined ? {} : unitsOf(report), late };
  });
}

function unitsOf(report: Report): Units {
  const known = unitsOfReports.get(report);
  if (known !== undefined) return known;
  const skus = Object.entries(report.skus).map(
    ([sku, { grant, admitted }]) => [sku, { grant, admitted }] as const,
  );
  const units = Object.fromEntries(skus);
  unitsOfReports.set(report, units);
  return units;
}
