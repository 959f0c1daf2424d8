import type { WaitlistEntry } from '../../db/calls.ts';
import type { BoardSku, SaleBoard } from '../../db/catalog.ts';
import type { Answers } from '../../db/client/homes.ts';
import { Lookup } from './lookup.ts';
import { Places } from './places.ts';

/**
 * Answers shoppers with a place in the waitlist who ask this web node for its state. A shopper with
 * an open connection learns of a change within a round. All of them together need one query a
 * round, and one more for each thousand.
 */

const ROUND_MS = 1_000;
/** Connections in this process that may wait for a change at once. */
const WATCHERS_MAX = 20_000;

export interface Place {
  readonly sku: string;
  readonly userId: string;
}

export type EntriesOf = (places: readonly Place[]) => Promise<Answers<WaitlistEntry>>;

/** The name of a SKU contains no space. */
const idOf = ({ sku, userId }: Place) => `${sku} ${userId}`;

function placeOf(id: string): Place {
  const at = id.indexOf(' ');
  return { sku: id.slice(0, at), userId: id.slice(at + 1) };
}

export class WaitlistWaits {
  readonly #lookup: Lookup<WaitlistEntry>;
  readonly #watched = new Map<string, Set<() => void>>();
  readonly #places = new Places(WATCHERS_MAX);
  readonly #units: Lookup<BoardSku>;
  #timer: NodeJS.Timeout | undefined;

  /** @param board reads the SKUs on sale from the database */
  constructor(entriesOf: EntriesOf, board: () => Promise<SaleBoard>) {
    this.#lookup = new Lookup((ids) => entriesOf(ids.map(placeOf)), idOf);
    this.#units = new Lookup(
      async () => {
        const { sales, missing } = await board();
        const rows = sales.flatMap(({ skus }) => skus.filter(({ isKnown }) => isKnown));
        return { rows, missing };
      },
      ({ sku }) => sku,
    );
  }

  get watchers(): number {
    return this.#places.taken;
  }

  /**
   * Returns the current state of the place; undefined if there is none.
   *
   * @throws {Problem} overloaded; {DatabaseError}
   */
  read(place: Place): Promise<WaitlistEntry | undefined> {
    return this.#lookup.find(idOf(place));
  }

  /**
   * Returns the units of the SKU as the database has them. The figures in a web node's memory are
   * older than the database's answer to a shopper who asks for a place, and the two must not be
   * mixed.
   *
   * @throws {Problem} overloaded; {DatabaseError}
   */
  unitsNow(sku: string): Promise<BoardSku | undefined> {
    return this.#units.find(sku);
  }

  /**
   * Waits until the place is no longer `waiting`, for `waitMs` at most, and returns its state.
   *
   * @throws {Problem} rate_limited or overloaded, if too many already wait; {DatabaseError}
   */
  async wait(place: Place, waitMs: number, gone: AbortSignal): Promise<WaitlistEntry | undefined> {
    const entry = await this.read(place);
    if (entry?.state !== 'waiting' || waitMs <= 0 || gone.aborted) return entry;
    this.#places.take(place.userId);
    try {
      await this.#news(idOf(place), waitMs, gone);
    } finally {
      this.#places.leave(place.userId);
    }
    return gone.aborted ? entry : this.read(place);
  }

  #news(id: string, waitMs: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const watchers = this.#watched.get(id) ?? new Set();
      this.#watched.set(id, watchers);
      const done = () => {
        clearTimeout(timer);
        gone.removeEventListener('abort', done);
        watchers.delete(done);
        if (watchers.size === 0 && this.#watched.get(id) === watchers) this.#watched.delete(id);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      watchers.add(done);
      gone.addEventListener('abort', done, { once: true });
      this.#timer ??= setTimeout(() => this.#round(), ROUND_MS);
    });
  }

  async #round(): Promise<void> {
    // A look-up that fails is repeated in the next round.
    await Promise.allSettled([...this.#watched.keys()].map((id) => this.#look(id)));
    this.#timer = this.#watched.size === 0 ? undefined : setTimeout(() => this.#round(), ROUND_MS);
  }

  async #look(id: string): Promise<void> {
    const entry = await this.#lookup.find(id);
    if (entry?.state === 'waiting') return;
    for (const done of [...(this.#watched.get(id) ?? [])]) done();
  }
}
