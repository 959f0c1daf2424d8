import type { HomeRecords } from '../../../db/report.ts';

/** What became of the units of each SKU. */

export interface SkuFacts {
  readonly sku: string;
  readonly title: string;
  /** Decimal string. */
  readonly price: string;
  readonly currency: string;
  /** Its stock does not end: that of the records is a number that nobody reaches. */
  readonly isDaily: boolean;
  /** Units that existed: loaded and restocked. */
  readonly units: number;
  /** Units of paid orders, and of unpaid ones that still hold them. */
  readonly sold: number;
  readonly held: number;
  /** Packets of a pot that orders keep which have ended: nobody else gets them. Other goods have none. */
  readonly kept: number;
  /** `units` = `sold` + `held` + `kept` + `unsold`, or the books do not balance. */
  readonly unsold: Unsold;
  /** Orders, by how they ended. */
  readonly orders: Readonly<Record<string, number>>;
  /** Requests, by their outcome and its reason. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Places in the waitlist, by how they ended. */
  readonly waitlist: Readonly<Record<string, number>>;
}

/**
 * Units in stock at the end. Units are alike, so it is not known which of them came back; but no more can
 * have come back than orders gave up, so at least the rest was never ordered.
 */
export interface Unsold {
  readonly units: number;
  /** At least so many of them were never in an order. */
  readonly neverOrdered: number;
  /** Units that orders gave up, by cause; later orders may have taken them. */
  readonly cameBack: Readonly<Record<string, number>>;
  /** Units that the quota in force now does not allow to be sold; undefined if no quota is known. */
  readonly beyondQuota: number | undefined;
}

type OrderSum = HomeRecords['orders'][number];

/** The words of the causes for which orders give units up. */
function causeOf({ status, reason, was_paid }: OrderSum): string {
  if (status === 'expired') return 'not paid in time';
  if (reason === null) return 'cancelled by the shopper';
  const what = reason === 'called_off' ? 'the sale was called off' : 'cancelled by the shop';
  return was_paid ? `${what}, after payment` : what;
}

function isHolding({ status }: OrderSum): boolean {
  return status === 'ordered' || status === 'paid';
}

function unitsOf(rows: readonly OrderSum[]): number {
  return rows.reduce((all, { units }) => all + units, 0);
}

function counted<T>(
  rows: readonly T[],
  nameOf: (row: T) => string,
  numberOf: (row: T) => number,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[nameOf(row)] = (counts[nameOf(row)] ?? 0) + numberOf(row);
  return Object.fromEntries(Object.entries(counts).sort());
}

/** The facts of each SKU of a sale, from the records of all homes. */
export function skuFacts(
  homes: readonly HomeRecords[],
  quotas: ReadonlyMap<string, number>,
): SkuFacts[] {
  const skus = homes.flatMap((home) => home.skus).sort((a, b) => (a.sku < b.sku ? -1 : 1));
  return skus.map(({ sku, title, price, currency, goods }) => {
    const of = <Row extends { readonly sku: string }>(
      rows: (home: HomeRecords) => readonly Row[],
    ) => homes.flatMap(rows).filter((row) => row.sku === sku);
    const orders = of((home) => home.orders);
    const stock = of((home) => home.stock);
    const units = stock.reduce((all, { loaded }) => all + (loaded ?? 0), 0);
    const free = stock.reduce((all, row) => all + (row.free ?? 0), 0);
    const ended = orders.filter((row) => !isHolding(row));
    const gaveUp = goods === 'amounts' ? [] : ended;
    const quota = quotas.get(sku);
    return {
      ...{ sku, title, price, currency, isDaily: goods === 'daily', units },
      sold: unitsOf(orders.filter(({ status }) => status === 'paid')),
      held: unitsOf(orders.filter(({ status }) => status === 'ordered')),
      kept: goods === 'amounts' ? unitsOf(ended) : 0,
      unsold: {
        units: free,
        neverOrdered: Math.max(0, free - unitsOf(gaveUp)),
        cameBack: counted(gaveUp, causeOf, (row) => row.units),
        beyondQuota: quota === undefined ? undefined : Math.max(0, units - quota),
      },
      orders: counted(
        orders,
        ({ status, reason }) => (reason === null ? status : `${status}, ${reason}`),
        ({ count }) => count,
      ),
      outcomes: counted(
        of((home) => home.outcomes),
        ({ status, reason }) => (reason === null ? status : `${status}, ${reason}`),
        ({ count }) => count,
      ),
      waitlist: counted(
        of((home) => home.waitlist),
        ({ state }) => state,
        ({ count }) => count,
      ),
    };
  });
}
