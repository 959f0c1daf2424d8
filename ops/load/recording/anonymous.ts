import { isName } from '../../../contracts/names.ts';
import type { CallName } from '../client/calls.ts';
import { Counter } from '../report/counts.ts';
import { type LoggedCall, readLine } from './call-log.ts';
import { Hashes, Remembered } from './names.ts';

/**
 * The first reading: makes lines of the edge's call log anonymous, before anything is written anywhere. It keeps
 * the calls that may be of one sale, in a window around its opening.
 */

export interface SaleOptions {
  readonly sale: string;
  readonly opensAtMs: number;
  /** Of the sale; learned from tickets if undefined. */
  readonly skus: readonly string[] | undefined;
  /** Calls that begin so long before the opening, or after it, are kept. */
  readonly beforeMs: number;
  readonly afterMs: number;
}

export interface AnonymousCall
  extends Pick<LoggedCall, 'call' | 'ms' | 'status' | 'verdict' | 'outcome' | 'quantity' | 'wait'> {
  /** In milliseconds from the opening. */
  readonly at: number;
  /** Hashes. */
  readonly user?: string | undefined;
  readonly connection: string;
  readonly from: string;
  readonly request?: string | undefined;
  readonly order?: string | undefined;
  /** Its place in the list of SKUs. */
  readonly sku?: number | undefined;
  /** The call names the sale or a SKU of it. */
  readonly isOfSale: boolean;
}

/** Users and connections that are remembered, each. */
const REMEMBERED_MAX = 500_000;
const SKUS_MAX = 1_000;

/** Calls that name no sale. They count if their shopper was in this sale. */
const OF_ANY_SALE: ReadonlySet<CallName> = new Set<CallName>([
  ...(['guest', 'orders', 'order', 'checkout', 'pay', 'cancel', 'notice-offer'] as const),
  // Without a receipt: they count if the purchase is one of this sale.
  ...(['status', 'long-poll', 'stream'] as const),
]);

interface Connection {
  /** `several`: a balancer sends several shoppers over it. */
  user: string | 'several' | undefined;
  isInSale: boolean;
}

export class Anonymous {
  readonly skipped = new Counter();
  readonly #skus: string[];
  /** Those that somebody has bought. */
  readonly #bought = new Set<string>();
  readonly #options: SaleOptions;
  readonly #hashes = new Hashes();
  readonly #usersInSale = new Remembered<true>(REMEMBERED_MAX);
  readonly #connections = new Remembered<Connection>(REMEMBERED_MAX);

  constructor(options: SaleOptions) {
    this.#options = options;
    this.#skus = [...(options.skus ?? [])];
  }

  /** The SKU of a ticket call is a shopper's word: the recording tells no name that no purchase proves. */
  get skus(): string[] {
    return this.#skus.map((sku, place) =>
      this.#options.skus !== undefined || this.#bought.has(sku) ? sku : `sku-${place + 1}`,
    );
  }

  /** The part of a line that may be recorded; undefined if there is none. */
  take(line: string): AnonymousCall | undefined {
    const logged = readLine(line);
    if (logged === 'broken') return this.#skip('lines that are not of a call log');
    if (logged === 'other') return this.#skip('calls of other kinds');
    const { opensAtMs, beforeMs, afterMs } = this.#options;
    const at = logged.beganAtMs - opensAtMs;
    if (at < -beforeMs || at > afterMs) return this.#skip('calls outside the window');
    const isOfSale = this.#isOfSale(logged);
    if (!isOfSale && (logged.sale !== undefined || !OF_ANY_SALE.has(logged.call))) {
      return this.#skip('calls that nothing assigns to this sale');
    }
    const { call, ms, status, verdict, outcome, quantity, wait, requestId, orderNo } = logged;
    const sku = logged.sku === undefined ? -1 : this.#skus.indexOf(logged.sku);
    const hash = (kind: 'request' | 'order', text: string | undefined) =>
      text === undefined ? undefined : this.#hashes.of(kind, text);
    return {
      ...{ at, call, ms, status, verdict, outcome, quantity, wait, isOfSale },
      ...this.#whose(logged, isOfSale),
      ...{ request: hash('request', requestId), order: hash('order', orderNo) },
      sku: sku < 0 ? undefined : sku,
    };
  }

  /** The shopper of a call; undefined if nothing says that this shopper was in the sale. Asked at the end. */
  whoOf({ user, connection, isOfSale }: AnonymousCall): string | undefined {
    const known = this.#connections.get(connection);
    // Over the connection of a page, a user comes after the first calls.
    const ofConnection = known?.user === 'several' ? undefined : known?.user;
    const who = user ?? ofConnection;
    const isIn = who === undefined ? known?.isInSale : this.#usersInSale.get(who);
    return isOfSale || isIn ? (who ?? connection) : undefined;
  }

  #skip(what: string): undefined {
    this.skipped.add(what);
  }

  #isOfSale({ call, sale, sku, status }: LoggedCall): boolean {
    if (call === 'buy') {
      const isKnown = sku !== undefined && this.#skus.includes(sku);
      if (isKnown && status < 300) this.#bought.add(sku);
      return isKnown;
    }
    if (sale !== this.#options.sale) return false;
    // A ticket was given out, so the sale has the SKU.
    const isNew = call === 'ticket' && status < 300 && isName(sku ?? '');
    const isLearned = isNew && sku !== undefined && !this.#skus.includes(sku);
    if (isLearned && this.#options.skus === undefined && this.#skus.length < SKUS_MAX) {
      this.#skus.push(sku);
    }
    return true;
  }

  #whose(
    { user, address, connection }: LoggedCall,
    isOfSale: boolean,
  ): Pick<AnonymousCall, 'user' | 'connection' | 'from'> {
    const hash = user === undefined ? undefined : this.#hashes.of('user', user);
    // With the address, because a balancer may send several shoppers over one connection.
    const key = this.#hashes.of('connection', `${connection} ${address}`);
    const known = this.#connections.get(key) ?? { user: undefined, isInSale: false };
    if (hash !== undefined) {
      known.user = known.user === undefined || known.user === hash ? hash : 'several';
      // A shopper who looks at the page of the sale and then signs in is in the sale.
      if (isOfSale || known.isInSale) this.#usersInSale.set(hash, true);
    }
    known.isInSale ||= isOfSale;
    this.#connections.set(key, known);
    return { user: hash, connection: key, from: this.#hashes.of('address', address) };
  }
}
