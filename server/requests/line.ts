import type { Answers } from '../../db/both-schemas.ts';
import type { WaitingEntry } from '../../db/calls.ts';
import { Problem } from '../problems.ts';
import { Lookup } from './lookup.ts';

/**
 * Shoppers who wait in the line for units that come back and ask this web node how it stands. Who
 * holds a connection open is told within a round; all of them together are one question to the
 * database a round, and one for each thousand.
 */

const ROUND_MS = 1_000;
/** Connections that may wait for news of the line at once in this process. */
const WATCHERS_MAX = 20_000;

export interface Place {
  readonly sku: string;
  readonly userId: string;
}

export type EntriesOf = (places: readonly Place[]) => Promise<Answers<WaitingEntry>>;

/** A SKU's name has no space. */
const idOf = ({ sku, userId }: Place) => `${sku} ${userId}`;

function placeOf(id: string): Place {
  const at = id.indexOf(' ');
  return { sku: id.slice(0, at), userId: id.slice(at + 1) };
}

export class LineDesk {
  readonly #lookup: Lookup<WaitingEntry>;
  readonly #watched = new Map<string, Set<() => void>>();
  #watchers = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(entriesOf: EntriesOf) {
    this.#lookup = new Lookup((ids) => entriesOf(ids.map(placeOf)), idOf);
  }

  get watchers(): number {
    return this.#watchers;
  }

  /**
   * The entry as it is now; undefined when there is none.
   * @throws {Problem} overloaded; {DatabaseError}
   */
  read(place: Place): Promise<WaitingEntry | undefined> {
    return this.#lookup.find(idOf(place));
  }

  /**
   * Waits until the entry is no longer `waiting`, at most `waitMs`, then says how it is.
   * @throws {Problem} overloaded, when too many wait already; {DatabaseError}
   */
  async wait(place: Place, waitMs: number, gone: AbortSignal): Promise<WaitingEntry | undefined> {
    const entry = await this.read(place);
    if (entry?.state !== 'waiting' || waitMs <= 0 || gone.aborted) return entry;
    if (this.#watchers >= WATCHERS_MAX) throw new Problem('overloaded');
    this.#watchers += 1;
    try {
      await this.#news(idOf(place), waitMs, gone);
    } finally {
      this.#watchers -= 1;
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
    // What cannot be asked now is asked in the next round.
    await Promise.allSettled([...this.#watched.keys()].map((id) => this.#look(id)));
    this.#timer = this.#watched.size === 0 ? undefined : setTimeout(() => this.#round(), ROUND_MS);
  }

  async #look(id: string): Promise<void> {
    const entry = await this.#lookup.find(id);
    if (entry?.state === 'waiting') return;
    for (const done of [...(this.#watched.get(id) ?? [])]) done();
  }
}
