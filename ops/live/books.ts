import type { Home } from '../../contracts/homes.ts';
import { saleBoard } from '../../db/catalog.ts';
import { type Answers, lastKnown, queryHomes, toNumber } from '../../db/client/homes.ts';
import type { Databases } from '../../db/client/pool.ts';
import { type StockFigures, stockFigures } from '../../db/stranded.ts';
import { thrifty } from '../../process/thrifty.ts';
import type { LiveSale, LiveSku } from './view.ts';

/**
 * Looks at the books once. The board is as cheap as for a web node, which reads it twice a second.
 * Unpaid orders, waitlists and calls are read one by one, so each of these queries may take only a
 * share of the time: with many rows it runs every few seconds.
 */

const SHARE_MAX = 0.02;
/** People who watch need news, also of a server that is slow at the moment. */
const PAUSE_MAX_MS = 5_000;
/** Orders per second are the mean of this time. */
const PLACED_SECONDS = 5;

export type BookSku = Pick<
  LiveSku,
  'sku' | 'total' | 'free' | 'held' | 'sold' | 'ordersPerSecond' | keyof WaitlistFigures
> & { readonly sale: string; readonly title: string };

interface Waiting {
  readonly waitlisted: number;
  readonly waitlistServed: number;
  readonly waitlistHeld: number;
  readonly claimSeconds: number | null;
}
/** Null: the home of the SKU did not answer this question. */
type WaitlistFigures = { readonly [Name in keyof Waiting]: Waiting[Name] | null };

/**
 * Units of paid orders: what was neither free nor unpaid when the unpaid orders were counted. The board is
 * newer than that count, so units that were taken since then are held: nothing is told as sold before it is paid.
 */
export class SoldUnits {
  readonly #sold = new Map<string, number>();

  /** The unpaid orders were counted just now. */
  count(sku: string, taken: number, unpaid: number): void {
    this.#sold.set(sku, Math.max(0, taken - unpaid));
  }

  /** @param taken the units of the SKU that are not free now */
  of(sku: string, taken: number): number {
    return Math.min(taken, this.#sold.get(sku) ?? 0);
  }
}

const NO_WAITLIST: Waiting = {
  ...{ waitlisted: 0, waitlistServed: 0, waitlistHeld: 0, claimSeconds: null },
};
const UNKNOWN_WAITLIST: WaitlistFigures = {
  ...{ waitlisted: null, waitlistServed: null, waitlistHeld: null, claimSeconds: null },
};

/** Figures by SKU, and the homes that did not answer. */
interface Known<T> {
  readonly of: ReadonlyMap<string, T>;
  readonly missing: readonly Home[];
}

export interface BookView {
  readonly sales: readonly LiveSale[];
  readonly skus: readonly BookSku[];
  readonly stock: readonly StockFigures[];
  /** Homes that did not answer. */
  readonly missing: readonly Home[];
}

export class BookLook {
  #databases: Databases;
  #stockOf: () => Promise<Answers<StockFigures>>;
  #waitingOf: () => Promise<Known<Waiting>>;
  #ordersOf: () => Promise<Known<number>>;
  #stock: readonly StockFigures[] = [];
  #counted: Answers<StockFigures> | undefined;
  readonly #sold = new SoldUnits();

  constructor(databases: Databases) {
    this.#databases = databases;
    this.#stockOf = nowAndThen(() => stockFigures(databases));
    this.#waitingOf = nowAndThen(() => waitlisted(databases));
    this.#ordersOf = nowAndThen(() => ordersPerSecond(databases));
  }

  /** @throws {DatabaseError} when no home answers */
  async look(): Promise<BookView> {
    const [board, stock, waiting, orders] = await Promise.all([
      saleBoard(this.#databases),
      this.#stockOf(),
      this.#waitingOf(),
      this.#ordersOf(),
    ]);
    const isCounted = stock !== this.#counted;
    this.#counted = stock;
    this.#stock = lastKnown(this.#stock, stock);
    const sales = board.sales.map(({ sale, title, opensAt, closesAt }) => ({
      sale,
      title,
      opensAt: opensAt.toISOString(),
      closesAt: closesAt.toISOString(),
    }));
    const skus = board.sales.flatMap((sale) =>
      sale.skus.map((sku): BookSku => {
        const { sku: name, schema: home, title, unitsTotal, free, isKnown, zone } = sku;
        const taken = unitsTotal - free;
        const isCountedHere = isCounted && !stock.missing.includes(home);
        if (isKnown && isCountedHere) this.#sold.count(name, taken, unpaidOf(this.#stock, name));
        const sold = this.#sold.of(name, taken);
        return {
          sku: name,
          sale: sale.sale,
          title,
          ...(isKnown ? { held: taken - sold, sold } : { held: null, sold: null }),
          // The stock of daily goods is a number that nobody reaches.
          ...(isKnown && zone === null ? { total: unitsTotal, free } : { total: null, free: null }),
          ...(waiting.missing.includes(home)
            ? UNKNOWN_WAITLIST
            : (waiting.of.get(name) ?? NO_WAITLIST)),
          ordersPerSecond: orders.missing.includes(home) ? null : (orders.of.get(name) ?? 0),
        };
      }),
    );
    return { sales, skus, stock: this.#stock, missing: board.missing };
  }
}

/** A SKU that has moved may have a row in each home. */
function unpaidOf(stock: readonly StockFigures[], sku: string): number {
  return stock.reduce((all, row) => (row.sku === sku ? all + row.unpaid : all), 0);
}

function nowAndThen<T>(ask: () => Promise<T>): () => Promise<T> {
  return thrifty(ask, SHARE_MAX, () => performance.now(), PAUSE_MAX_MS);
}

type WaitlistRow = Record<'sku' | 'waiting' | 'served' | 'held' | 'seconds', string>;

/** A SKU that has moved may have a row in each home. */
async function waitlisted(databases: Databases): Promise<Known<Waiting>> {
  const { rows, missing } = await queryHomes<WaitlistRow>(
    databases,
    'live_waitlists',
    (
      schema,
    ) => `SELECT sku, waiting, served, held, extract(epoch FROM claim_window)::int8 AS seconds
                 FROM ${schema}.line_backlog`,
    [],
  );
  const all = new Map<string, Waiting>();
  for (const { sku, waiting, served, held, seconds } of rows) {
    const before = all.get(sku) ?? NO_WAITLIST;
    all.set(sku, {
      waitlisted: before.waitlisted + toNumber(waiting),
      waitlistServed: before.waitlistServed + toNumber(served),
      waitlistHeld: before.waitlistHeld + toNumber(held),
      claimSeconds: toNumber(seconds),
    });
  }
  return { of: all, missing };
}

async function ordersPerSecond(databases: Databases): Promise<Known<number>> {
  const { rows, missing } = await queryHomes<{ sku: string; ordered: string }>(
    databases,
    'live_orders',
    (schema) => `SELECT sku, ordered FROM ${schema}.placed_lately($1)`,
    [PLACED_SECONDS],
  );
  const of = sums(rows.map(({ sku, ordered }) => [sku, toNumber(ordered) / PLACED_SECONDS]));
  return { of, missing };
}

/** A SKU that has moved may have a row in each home. */
function sums(rows: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const [sku, count] of rows) all.set(sku, (all.get(sku) ?? 0) + count);
  return all;
}
