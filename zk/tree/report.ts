/** Reported instead of a version when the node's grant was deleted. */
export const VERSION_DELETED = -1;

/**
 * Counters of one web node for one SKU. They start again when the process registers under a new
 * node id.
 */
export interface SkuCounters {
  /** Units that the node may admit, cumulative: the grant that it acts on now. */
  readonly grant: number;
  /** Units drawn and not refunded. */
  readonly admitted: number;
  /** Admitted units whose requests have a known outcome of any kind. */
  readonly decided: number;
  /** Units of requests that were refused because the quota was spent, cumulative. */
  readonly wanted: number;
  /**
   * Units of the smallest request refused since the grant was last raised; 0 when none was refused.
   */
  readonly need: number;
  /** Purchase requests received while the SKU was open, before shedding, cumulative. */
  readonly asked: number;
  /** Purchase requests that shedding let through, cumulative. */
  readonly kept: number;
}

/** The report of a web node to the keeper and the operators, at /reports/<node>. */
export interface Report {
  /** By path, the version of the value that the node acts on, or `VERSION_DELETED`. */
  readonly applied: Readonly<Record<string, number>>;
  readonly skus: Readonly<Record<string, SkuCounters>>;
  /** By sale, the digest of what the node knows of it: `saleDigest` of db/sale-changes.ts. */
  readonly sales?: Readonly<Record<string, string>>;
  /** The node has ended cleanly and admits nothing more. */
  readonly final: boolean;
  /** ISO 8601 by the node's clock; for people only. */
  readonly at: string;
}

/** ZooKeeper ends a connection on which a message of more than 1,048,575 bytes comes (`jute.maxbuffer`). */
export const REPORT_BYTES_MAX = 1_000_000;
/**
 * Room for grants and their counters in a report. The rest is for versions of other values, which are left out of a report
 * that is too long, and for counters that are longer than usual.
 */
export const GRANTS_BYTES_MAX = 900_000;
/** Names and digits of the counters of one SKU, and what stands around them. */
const COUNTERS_BYTES = 100;

/** Bytes of a report that one grant takes. */
export function grantBytes(path: string, sku: string): number {
  return path.length + sku.length + COUNTERS_BYTES;
}

/** Counters that are zero are left out, and so are SKUs without any other counter. */
export function encodeReport(report: Report): string {
  const { final, skus, ...rest } = report;
  const text = { ...rest, skus: withoutZeros(skus) };
  return JSON.stringify(final ? { ...text, final } : text);
}

/** In loops, because it runs for each SKU up to ten times a second: lists of entries take twice as long. */
function withoutZeros(skus: Report['skus']): Record<string, Partial<SkuCounters>> {
  const told: Record<string, Partial<SkuCounters>> = {};
  for (const [sku, all] of Object.entries(skus)) {
    const counters: { -readonly [name in keyof SkuCounters]?: number } = {};
    let isEmpty = true;
    let name: keyof SkuCounters;
    for (name in all) {
      if (all[name] === 0) continue;
      counters[name] = all[name];
      isEmpty = false;
    }
    if (!isEmpty) told[sku] = counters;
  }
  return told;
}

function units(record: Record<string, unknown>, key: keyof SkuCounters): number {
  const value = record[key];
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}

/** An object with names; undefined for anything else. */
function namedOf(value: unknown): Record<string, unknown> | undefined {
  return Array.isArray(value) || typeof value !== 'object' || value === null
    ? undefined
    : (value as Record<string, unknown>);
}

function countersOf(value: unknown): SkuCounters {
  const counters = namedOf(value) ?? {};
  const admitted = units(counters, 'admitted');
  return {
    grant: units(counters, 'grant'),
    admitted,
    // A node cannot decide more than it admitted; a higher figure would free units of other
    // nodes.
    decided: Math.min(admitted, units(counters, 'decided')),
    wanted: units(counters, 'wanted'),
    need: units(counters, 'need'),
    asked: units(counters, 'asked'),
    kept: units(counters, 'kept'),
  };
}

function areEqual(one: SkuCounters | undefined, other: SkuCounters): one is SkuCounters {
  return (
    one !== undefined &&
    one.grant === other.grant &&
    one.admitted === other.admitted &&
    one.decided === other.decided &&
    one.wanted === other.wanted &&
    one.need === other.need &&
    one.asked === other.asked &&
    one.kept === other.kept
  );
}

/**
 * Parses a report. A report has the counters of all SKUs, and comes up to ten times a second, so this takes no detours over
 * arrays.
 *
 * @param before the last report of the same node: counters that are equal are its objects
 * @returns undefined when `text` is no report; the caller then keeps the last valid one
 */
export function decodeReport(text: string, before?: Report): Report | undefined {
  let record: Record<string, unknown>;
  try {
    record = namedOf(JSON.parse(text)) ?? {};
  } catch {
    return undefined;
  }
  const applied = namedOf(record['applied']) as Record<string, number> | undefined;
  const skus = namedOf(record['skus']) as Record<string, SkuCounters> | undefined;
  // Somebody has written it by hand: every report has both.
  if (!applied || !skus) return undefined;
  for (const path in applied) if (!Number.isSafeInteger(applied[path])) delete applied[path];
  for (const sku in skus) {
    const [known, counters] = [before?.skus[sku], countersOf(skus[sku])];
    skus[sku] = areEqual(known, counters) ? known : counters;
  }
  const sales = (namedOf(record['sales']) ?? {}) as Record<string, string>;
  for (const sale in sales) if (typeof sales[sale] !== 'string') delete sales[sale];
  return {
    applied,
    skus,
    sales,
    final: record['final'] === true,
    at: typeof record['at'] === 'string' ? record['at'] : '',
  };
}
