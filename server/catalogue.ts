import { createHash } from 'node:crypto';
import type { SaleBoardRow } from '../db/calls.ts';
import type { Log } from '../process/log.ts';

/**
 * What is on sale, from memory. One cheap query twice a second brings it from the database, however
 * many shoppers look; the database's clock comes with it and is the clock of everything here.
 */

const REFRESH_MS = 500;
/** Older knowledge than this no longer says "sold out": a restock might have been missed. */
const STALE_AFTER_MS = 5_000;
/** One rendering serves all who ask within this time. */
const RENDER_TTL_MS = 100;
/** `few` from this share of the units downwards, or from ten units. */
const FEW_SHARE = 0.05;
const FEW_UNITS = 10;

export type Availability = 'plenty' | 'few' | 'maybe' | 'sold_out';
export type SwitchState = 'open' | 'paused' | 'closed';
export type SaleState = 'scheduled' | SwitchState;

/** What operators set in ZooKeeper and the catalogue shows. */
export interface Switches {
  state(sku: string): SwitchState;
  keep(sku: string): number;
}

export interface CatalogueSource {
  board(): Promise<readonly SaleBoardRow[]>;
  /** The sale's ticket key; undefined as long as the database's clock says "not open". */
  ticketKey(sale: string): Promise<Buffer | undefined>;
}

interface Rendering {
  readonly body: string;
  readonly etag: string;
  readonly madeAtMs: number;
}

export class Catalogue {
  readonly #source: CatalogueSource;
  readonly #switches: Switches;
  readonly #log: Log;
  #skus = new Map<string, SaleBoardRow>();
  #sales = new Map<string, SaleBoardRow[]>();
  readonly #ticketKeys = new Map<string, Buffer>();
  readonly #renderings = new Map<string, Rendering>();
  /** Database clock minus this process's clock, in milliseconds. */
  #clockOffsetMs = 0;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #openingTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(source: CatalogueSource, switches: Switches, log: Log) {
    this.#source = source;
    this.#switches = switches;
    this.#log = log;
  }

  /** Resolves after the first reading; later ones go on by themselves. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#openingTimer);
  }

  /** The database's clock, milliseconds since the epoch. */
  nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  sku(name: string): SaleBoardRow | undefined {
    return this.#skus.get(name);
  }

  hasSale(sale: string): boolean {
    return this.#sales.has(sale);
  }

  skus(): Iterable<SaleBoardRow> {
    return this.#skus.values();
  }

  isStale(): boolean {
    return performance.now() - this.#refreshedAtMs > STALE_AFTER_MS;
  }

  ticketKey(sale: string): Buffer | undefined {
    return this.#ticketKeys.get(sale);
  }

  skuState(row: SaleBoardRow): SaleState {
    const now = this.nowMs();
    if (now < row.opensAt.getTime()) return 'scheduled';
    if (now >= row.closesAt.getTime()) return 'closed';
    return this.#switches.state(row.sku);
  }

  availability(row: SaleBoardRow): Availability {
    if (row.free === 0) return row.unpaidExists || this.isStale() ? 'maybe' : 'sold_out';
    return row.free <= Math.max(FEW_UNITS, row.unitsTotal * FEW_SHARE) ? 'few' : 'plenty';
  }

  /** The list of sales as JSON. */
  renderSales(): Rendering {
    return this.#render('', () => ({
      sales: [...this.#sales].map(([sale, rows]) => ({ sale, ...this.#saleFacts(rows) })),
    }));
  }

  /** One sale as JSON; undefined when there is no such sale. */
  renderSale(sale: string): Rendering | undefined {
    const rows = this.#sales.get(sale);
    if (rows === undefined) return undefined;
    return this.#render(sale, () => ({
      sale,
      ...this.#saleFacts(rows),
      serverTime: new Date(this.nowMs()).toISOString(),
      keep: Math.min(...rows.map((row) => this.#switches.keep(row.sku))),
      skus: rows.map((row) => ({
        sku: row.sku,
        title: row.title,
        price: row.price,
        currency: row.currency,
        limit: row.userLimit,
        availability: this.availability(row),
        state: this.skuState(row),
      })),
    }));
  }

  #saleFacts(rows: readonly SaleBoardRow[]) {
    const [first] = rows;
    const states = new Set(rows.map((row) => this.skuState(row)));
    // A sale is open while one of its SKUs is; paused while one of them may go on.
    const order: SaleState[] = ['open', 'paused', 'scheduled', 'closed'];
    return {
      title: first?.saleTitle,
      state: order.find((state) => states.has(state)),
      opensAt: first?.opensAt.toISOString(),
      closesAt: first?.closesAt.toISOString(),
    };
  }

  #render(key: string, facts: () => object): Rendering {
    const known = this.#renderings.get(key);
    const madeAtMs = performance.now();
    if (known && madeAtMs - known.madeAtMs < RENDER_TTL_MS) return known;
    const body = JSON.stringify(facts());
    const etag = `"${createHash('sha1').update(body).digest('base64url')}"`;
    const rendering = { body, etag, madeAtMs };
    this.#renderings.set(key, rendering);
    return rendering;
  }

  async #refresh(): Promise<void> {
    const startedAtMs = performance.now();
    const rows = await this.#source.board();
    const [first] = rows;
    if (first !== undefined) {
      const halfRoundTripMs = (performance.now() - startedAtMs) / 2;
      this.#clockOffsetMs = first.serverTime.getTime() + halfRoundTripMs - Date.now();
    }
    this.#skus = new Map(rows.map((row) => [row.sku, row]));
    this.#sales = Map.groupBy(rows, (row) => row.sale);
    for (const sale of this.#renderings.keys()) {
      if (sale !== '' && !this.#sales.has(sale)) this.#renderings.delete(sale);
    }
    this.#refreshedAtMs = startedAtMs;
    await this.#fetchTicketKeys();
  }

  /** Keys come into being at the opening: ask for those of open sales that are not known yet. */
  async #fetchTicketKeys(): Promise<void> {
    let nextOpeningMs = Number.POSITIVE_INFINITY;
    for (const [sale, [row]] of this.#sales) {
      if (row === undefined || this.#ticketKeys.has(sale)) continue;
      const opensInMs = row.opensAt.getTime() - this.nowMs();
      if (opensInMs > 0) nextOpeningMs = Math.min(nextOpeningMs, opensInMs);
      else if (row.closesAt.getTime() > this.nowMs()) {
        const key = await this.#source.ticketKey(sale);
        if (key !== undefined) this.#ticketKeys.set(sale, key);
      }
    }
    // The opening moment itself, so that the first ticket does not wait for the next refresh.
    clearTimeout(this.#openingTimer);
    if (nextOpeningMs < REFRESH_MS && !this.#stopped) {
      this.#openingTimer = setTimeout(() => this.#refreshLogged(), Math.ceil(nextOpeningMs) + 1);
    }
  }

  async #refreshLogged(): Promise<void> {
    try {
      await this.#refresh();
    } catch (error) {
      if (this.isStale()) this.#log.warn({ err: error }, 'the catalogue cannot be refreshed');
    }
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(async () => {
      await this.#refreshLogged();
      this.#schedule();
    }, REFRESH_MS);
  }
}
