import type { SalePresentation } from '../../contracts/presentation.ts';
import { isRehearsal } from '../../contracts/rehearsal.ts';
import {
  type Availability,
  availabilityOf,
  type SaleState,
  saleJson,
  shown,
  skuJson,
} from '../../contracts/sale-json.ts';
import type { BoardSku, SaleBoard } from '../../db/catalog.ts';
import type { SaleLottery } from '../../db/lottery.ts';
import type { TicketKey } from '../../db/ticket-keys.ts';
import { elapsedMs, steadyMs } from '../../process/clock.ts';
import type { Log } from '../../process/log.ts';
import { DatabaseClock } from './clock.ts';
import { type DoorKeySource, DoorKeys } from './door-keys.ts';
import { Lotteries } from './lotteries.ts';
import { type Rendering, Renderings } from './renderings.ts';
import { SaleDigests } from './sale-digests.ts';
import type { CreatedSale } from './sale-memory.ts';
import type { ShownSwitches, SwitchState } from './shown-switches.ts';
import { TicketKeys } from './ticket-keys.ts';

/**
 * The SKUs and sales, from memory. One cheap query twice a second reads them from the database,
 * however many shoppers look. It also reads the database's clock, which all code here uses.
 */

export const REFRESH_MS = 500;
/**
 * Knowledge older than this is not used to say "sold out", because a restock may have been missed.
 */
const STALE_AFTER_MS = 5_000;

const STRICTNESS: Readonly<Record<SwitchState, number>> = { open: 0, paused: 1, closed: 2 };

/** A SKU with the opening hours of its sale. */
export interface SkuOnSale extends BoardSku {
  readonly sale: string;
  readonly saleCreatedAt: Date;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly isCalledOff: boolean;
}

interface SaleEntry extends CreatedSale {
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly isCalledOff: boolean;
  readonly ticketEpoch: number;
  readonly presentation: SalePresentation;
  readonly skus: readonly SkuOnSale[];
}

export interface CatalogueSource extends DoorKeySource {
  board(): Promise<SaleBoard>;
  /** The sale's ticket keys; empty before the sale opens by the database's clock. */
  ticketKeys(sale: string): Promise<readonly TicketKey[]>;
  lottery(sale: string): Promise<SaleLottery | undefined>;
  /** Called when something of a sale has changed, with a digest of each (`saleDigest`). */
  learned?(digests: Readonly<Record<string, string>>): void;
}

/** More than 200 lines: what is read, what follows from it and its JSON share one memory. */
export class Catalogue {
  readonly lotteries: Lotteries;
  readonly ticketKeys: TicketKeys;
  readonly doorKeys: DoorKeys;
  readonly #source: CatalogueSource;
  readonly #switches: ShownSwitches;
  readonly #log: Log;
  #skus = new Map<string, SkuOnSale>();
  #sales = new Map<string, SaleEntry>();
  readonly #renderings = new Renderings();
  #boardsRead = 0;
  readonly #clock = new DatabaseClock();
  readonly #digests = new SaleDigests();
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #openingTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param ticketLifeMs the longest life of anything that ticket keys sign, except receipts */
  constructor(source: CatalogueSource, switches: ShownSwitches, log: Log, ticketLifeMs: number) {
    this.#source = source;
    this.ticketKeys = new TicketKeys((sale) => source.ticketKeys(sale), ticketLifeMs);
    this.lotteries = new Lotteries((sale) => source.lottery(sale));
    this.doorKeys = new DoorKeys(source);
    this.#switches = switches;
    this.#log = log;
  }

  /** Resolves after the first reading. Further readings follow automatically. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#openingTimer);
  }

  /** Milliseconds since the epoch, by the database's clock. */
  nowMs(): number {
    return this.#clock.nowMs();
  }

  sku(name: string): SkuOnSale | undefined {
    return this.#skus.get(name);
  }

  hasSale(sale: string): boolean {
    return this.#sales.has(sale);
  }

  skus(): Iterable<SkuOnSale> {
    return this.#skus.values();
  }

  isStale(): boolean {
    return elapsedMs() - this.#refreshedAtMs > STALE_AFTER_MS;
  }

  skuState(row: SkuOnSale): SaleState {
    if (row.isCalledOff) return 'closed';
    if (this.nowMs() < row.opensAt.getTime()) return 'scheduled';
    if (this.#isOver(row)) return 'closed';
    // The operators have a switch in ZooKeeper and the DBA has one in the database. The stricter
    // one counts.
    const state = this.#switches.state(row.sku);
    return STRICTNESS[state] > STRICTNESS[row.state] ? state : row.state;
  }

  /** Whether it counts as paused only because this process has not read the operators' switch yet. */
  isUnread(row: SkuOnSale): boolean {
    return row.state === 'open' && !this.#switches.knowsState(row.sku);
  }

  /** Packets of a pot never come back, so nobody waits for one. */
  hasWaitlist({ sku, pot }: SkuOnSale): boolean {
    return pot === null && this.#switches.hasWaitlist(sku);
  }

  #isOver({ closesAt }: { readonly closesAt: Date }): boolean {
    return this.nowMs() >= closesAt.getTime();
  }

  availability(row: SkuOnSale): Availability {
    if (row.free === 0) return row.unpaidExists || this.isStale() ? 'maybe' : 'sold_out';
    return availabilityOf(this.#unitsLeft(row), row.unitsTotal);
  }

  /** Units are free, but the quota allows none of them to be sold. */
  isWithheld(row: BoardSku): boolean {
    return row.free > 0 && this.#unitsLeft(row) <= 0;
  }

  /** Free units that the quota still allows, beyond what orders hold. */
  #unitsLeft({ sku, free, unitsTotal }: BoardSku): number {
    const quota = this.#switches.quota(sku) ?? Number.POSITIVE_INFINITY;
    return Math.min(free, quota - (unitsTotal - free));
  }

  /** The list of sales as JSON. Only the crowd of a rehearsal knows the name of its shadow. */
  renderSales(): Rendering {
    const listed = () => [...this.#sales.values()].filter(({ sale }) => !isRehearsal(sale));
    const sales = () =>
      listed().map((entry) => ({
        ...this.#saleFacts(entry),
        ...shown(titleOf(entry.presentation)),
      }));
    return this.#renderings.get('', this.#asOf(), () => ({ facts: { sales: sales() } }));
  }

  /** One sale as JSON; undefined if there is no such sale. */
  renderSale(sale: string): Rendering | undefined {
    const entry = this.#sales.get(sale);
    if (entry === undefined) return undefined;
    const facts = () => ({
      ...this.#saleFacts(entry),
      ...shown(entry.presentation),
      ...sheddingOf(entry.skus, this.#switches),
      lottery: this.lotteries.facts(sale),
      skus: entry.skus.map((row) => ({
        ...skuJson(row, this.availability(row), this.skuState(row)),
        ...(!this.hasWaitlist(row) && { waitlist: 'off' }),
      })),
    });
    const clock = () => ({ serverTime: new Date(this.nowMs()).toISOString() });
    return this.#renderings.get(sale, this.#asOf(), () => ({ facts: facts(), clock: clock() }));
  }

  /** Grows with each change of the facts that are shown. */
  #asOf(): number {
    return this.#boardsRead + this.#switches.changes;
  }

  #saleFacts(entry: SaleEntry) {
    const states = new Set(entry.skus.map((row) => this.skuState(row)));
    // A sale without SKUs has nothing on sale yet.
    if (states.size === 0) {
      states.add(entry.isCalledOff || this.#isOver(entry) ? 'closed' : 'scheduled');
    }
    return saleJson(entry, [...states]);
  }

  async #refresh(): Promise<void> {
    const startedAtMs = elapsedMs();
    const askedAtMs = steadyMs();
    const { serverTime, sales, missing } = await this.#source.board();
    this.#clock.sample(serverTime, askedAtMs, steadyMs());
    // Keys and lotteries are stored in the home `regular`.
    const keysAreAway = missing.includes('regular');
    const entries = sales.map(({ skus, ...facts }) => {
      const { sale, opensAt, closesAt, isCalledOff } = facts;
      const known = keysAreAway ? this.#sales.get(sale) : undefined;
      const { ticketEpoch, createdAt } = known ?? facts;
      const hours = { sale, saleCreatedAt: createdAt, opensAt, closesAt, isCalledOff };
      return {
        ...facts,
        ticketEpoch,
        createdAt,
        skus: skus.map((sku) => ({ ...this.#asKnown(sku), ...hours })),
      };
    });
    this.#boardsRead += 1;
    this.#sales = new Map(entries.map((entry) => [entry.sale, entry]));
    this.#skus = new Map(entries.flatMap(({ skus }) => skus.map((sku) => [sku.sku, sku])));
    this.#renderings.keepOnly((sale) => sale === '' || this.#sales.has(sale));
    this.#refreshedAtMs = startedAtMs;
    const digests = missing.length === 0 ? this.#digests.changed({ serverTime, sales }) : undefined;
    if (digests !== undefined) this.#source.learned?.(digests);
    if (keysAreAway) return;
    // Each of them forgets sales that are gone before it asks, so none waits for another one's answer.
    await Promise.all([
      this.#refreshTicketKeys(entries),
      this.lotteries.refresh(entries, this.nowMs()),
      this.doorKeys.refresh(entries),
    ]);
  }

  /** The stock of a home that did not answer stays as it was, and is not used to say "sold out". */
  #asKnown(sku: BoardSku): BoardSku {
    if (sku.isKnown) return sku;
    const { free, unitsTotal, sectionMadeAt } = this.#skus.get(sku.sku) ?? sku;
    return { ...sku, free, unitsTotal, sectionMadeAt, unpaidExists: true };
  }

  async #refreshTicketKeys(sales: readonly SaleEntry[]): Promise<void> {
    const opensInMs = await this.ticketKeys.refresh(sales, this.nowMs());
    // Runs at the moment of the opening, so that the first ticket does not wait for the next
    // refresh.
    clearTimeout(this.#openingTimer);
    if (opensInMs < REFRESH_MS && !this.#stopped) {
      this.#openingTimer = setTimeout(() => this.#refreshLogged(), Math.ceil(opensInMs) + 1);
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

/** The share of a sale that is kept. A lottery keeps the share of the SKUs that are drawn by it. */
function sheddingOf(skus: readonly SkuOnSale[], switches: ShownSwitches) {
  const drawn = skus.filter(({ sku }) => switches.shed(sku) === 'lottery');
  const shedding = drawn.length > 0 ? drawn : skus;
  return {
    keep: Math.min(1, ...shedding.map(({ sku }) => switches.keep(sku))),
    shed: drawn.length > 0 ? 'lottery' : 'random',
  };
}

function titleOf({ languages, title }: SalePresentation): SalePresentation {
  return { ...(languages && { languages }), ...(title && { title }) };
}
