/** In place of a version: the node had a grant there and found it deleted. */
export const VERSION_DELETED = -1;

/** What a web node counts of one SKU, under one node id. */
export interface SkuCounters {
  /** Units that the node may admit, cumulative: the grant that it acts on now. */
  readonly grant: number;
  /** Units drawn and not refunded. */
  readonly admitted: number;
  /** Units of those whose requests have a known outcome, whichever it is. */
  readonly decided: number;
  /** Units of requests that were refused for want of quota, cumulative. */
  readonly wanted: number;
  /** Units that would have served the smallest request refused since the grant was last raised; 0: none. */
  readonly need: number;
  /** Purchase requests that came in while the SKU was open, before shedding, cumulative. */
  readonly asked: number;
  /** Of these, let through by the shedding. */
  readonly kept: number;
}

/** What a web node tells the keeper and the operators, at /reports/<node>. */
export interface Report {
  /** Path → version of the value that the node acts on, or `VERSION_DELETED`. */
  readonly applied: Readonly<Record<string, number>>;
  readonly skus: Readonly<Record<string, SkuCounters>>;
  /** The node has ended in good order: it admits nothing any more. */
  readonly final: boolean;
  /** ISO 8601, by the node's clock; for people. */
  readonly at: string;
}

export function encodeReport(report: Report): string {
  const { final, ...rest } = report;
  return JSON.stringify(final ? { ...rest, final } : rest);
}

function units(record: Record<string, unknown>, key: keyof SkuCounters): number {
  const value = record[key];
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Undefined when it is not a report: the caller keeps the last one it understood. */
export function decodeReport(text: string): Report | undefined {
  let record: Record<string, unknown>;
  try {
    record = objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
  const applied = Object.entries(objectOf(record['applied'])).filter(
    (entry): entry is [string, number] => Number.isSafeInteger(entry[1]),
  );
  const skus = Object.entries(objectOf(record['skus'])).map(([sku, value]) => {
    const counters = objectOf(value);
    const admitted = units(counters, 'admitted');
    return [
      sku,
      {
        grant: units(counters, 'grant'),
        admitted,
        // More than it admitted would be rights of others: no node is believed that.
        decided: Math.min(admitted, units(counters, 'decided')),
        wanted: units(counters, 'wanted'),
        need: units(counters, 'need'),
        asked: units(counters, 'asked'),
        kept: units(counters, 'kept'),
      },
    ] as const;
  });
  return {
    applied: Object.fromEntries(applied),
    skus: Object.fromEntries(skus),
    final: record['final'] === true,
    at: typeof record['at'] === 'string' ? record['at'] : '',
  };
}
