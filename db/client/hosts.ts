import { setTimeout as sleep } from 'node:timers/promises';
import { type DatabaseUrl, parseDatabaseUrl, type Target } from '../../contracts/database-url.ts';
import { DatabaseError } from './errors.ts';

/**
 * Finds, among the hosts of one URL, the server that new sessions connect to. All hosts are asked at the
 * same time, so a host that is frozen or cut off delays no answer. The host that was found is used for
 * a second without a further question, unless there is a doubt about it. After that the hosts are asked
 * again, and this one is kept while it is still right.
 */

/** The state of a server, as a session sees it. */
export interface ServerState {
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  /** Whether the database may sell; undefined if that was not asked. */
  readonly isAccepted?: boolean;
}

/** A host that was found to be right counts as right for this long. */
const SURE_MS = 1_000;
/** The host that was found last is preferred if it answers within this time. */
const ANSWER_MS = 300;
/**
 * Each step of a question to a host may take twice as long as the fastest host took the last time, within
 * these bounds: a slow machine or network makes all of them late, a lost host only itself. When all are silent, a
 * search that waits longer also notices their return later.
 */
const PATIENCE_MS = { min: 1_000, max: 4_000 } as const;
/** A server that was promoted is accepted by the keeper's next beat. A search waits for it this long at most. */
const ACCEPTANCE_WAIT_MS = 3_000;
const ACCEPTANCE_PAUSE_MS = 100;

function isRight(target: Target, { isStandby, isReadOnly }: ServerState): boolean {
  if (target === 'read-write') return !isReadOnly;
  if (target === 'primary') return !isStandby;
  return target === 'standby' ? isStandby : true;
}

/** `host:port` of a URL of one host. */
function nameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the server';
}

/** @throws {DatabaseError} `unavailable` if the database was set back and is not accepted yet */
function accept(url: string, { isAccepted = true }: ServerState): void {
  if (isAccepted) return;
  const message = `${nameOf(url)} has a history that is not accepted. After a restore: flashsale after-restore`;
  throw new DatabaseError('unavailable', message);
}

export class Hosts {
  readonly #address: DatabaseUrl;
  readonly #ask: (url: string, withinMs: number) => Promise<ServerState>;
  readonly #onMove: (url: string) => void;
  #found: string | undefined;
  #patienceMs: number = PATIENCE_MS.min;
  #sureUntilMs = Number.NEGATIVE_INFINITY;
  #search: Promise<string> | undefined;

  /**
   * @param ask asks a server for its state, with a limit in milliseconds for each step
   * @param onMove is called when another host than before takes the writes
   * @throws {Error} if the URL is malformed
   */
  constructor(
    url: string,
    ask: (url: string, withinMs: number) => Promise<ServerState>,
    onMove: (url: string) => void = () => {},
  ) {
    this.#address = parseDatabaseUrl(url);
    this.#ask = ask;
    this.#onMove = onMove;
  }

  get areSeveral(): boolean {
    return this.#address.urls.length > 1;
  }

  /** The first URL. The others differ from it only in the host. */
  get anyUrl(): string {
    return this.#address.urls[0] ?? '';
  }

  /** Returns the URL of the host to connect to. @throws {DatabaseError} `unavailable` */
  async choose(): Promise<string> {
    if (!this.areSeveral) return this.anyUrl;
    if (this.#found !== undefined && performance.now() < this.#sureUntilMs) return this.#found;
    return this.search();
  }

  /** Asks all hosts. Returns the URL of the right one. @throws {DatabaseError} `unavailable` */
  search(): Promise<string> {
    this.#search ??= this.#askAll().finally(() => {
      this.#search = undefined;
    });
    return this.#search;
  }

  /** Makes the next `choose` ask the hosts. */
  doubt(): void {
    this.#sureUntilMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Checks a new session before its first use: between the choice and the connection the server may have
   * become a standby.
   *
   * @param ask asks the server over that session
   * @param isAlways asks it also if any server is right: whether it is accepted
   * @throws {DatabaseError} `unavailable`
   */
  async check(url: string, ask: () => Promise<ServerState>, isAlways = false): Promise<void> {
    const { target } = this.#address;
    const isAny = target === 'any' || target === 'prefer-standby';
    if (isAny && !isAlways) return;
    const state = await ask();
    if (!isAny && !isRight(target, state)) throw this.#wrong(url);
    accept(url, state);
    this.#sureUntilMs = performance.now() + SURE_MS;
  }

  #wrong(url: string): DatabaseError {
    return new DatabaseError('unavailable', `${nameOf(url)} is not ${this.#address.target}`);
  }

  async #askAll(): Promise<string> {
    const { urls, target } = this.#address;
    const ask = this.#withPatience();
    const states = new Map(urls.map((url) => [url, ask(url)]));
    const rightOf = async (url: string, wanted: Target) => {
      const startedAtMs = performance.now();
      for (let asked = states.get(url); ; asked = ask(url)) {
        const state = await asked;
        if (state === undefined || !isRight(wanted, state)) throw this.#wrong(url);
        if (state.isAccepted !== false || performance.now() > startedAtMs + ACCEPTANCE_WAIT_MS) {
          accept(url, state);
          return url;
        }
        await sleep(ACCEPTANCE_PAUSE_MS);
      }
    };
    const first = (wanted: Target) => Promise.any(urls.map((url) => rightOf(url, wanted)));
    try {
      const right =
        target === 'prefer-standby'
          ? await first('standby').catch(() => first('any'))
          : await first(target);
      // An old primary that comes back may take itself for the primary until it learns better.
      const still = rightOf(this.#found ?? right, target).catch(() => right);
      const late = sleep(ANSWER_MS, right, { ref: false });
      return this.#use(await Promise.race([still, late]));
    } catch (error) {
      const reasons = (error as AggregateError).errors as Error[];
      const each = reasons.map(({ message }, index) => `${nameOf(urls[index] ?? '')}: ${message}`);
      throw new DatabaseError('unavailable', `no server is ${target} (${each.join('; ')})`);
    }
  }

  /** Returns how to ask in this search. The first answer or failure tells how long the next one waits. */
  #withPatience(): (url: string) => Promise<ServerState> {
    const withinMs = this.#patienceMs;
    const startedAtMs = performance.now();
    let isFirst = true;
    const settled = () => {
      if (!isFirst) return;
      isFirst = false;
      const wantedMs = 2 * (performance.now() - startedAtMs);
      this.#patienceMs = Math.min(PATIENCE_MS.max, Math.max(PATIENCE_MS.min, wantedMs));
    };
    return (url) => this.#ask(url, withinMs).finally(settled);
  }

  #use(url: string): string {
    this.#sureUntilMs = performance.now() + SURE_MS;
    const takesWrites = ['read-write', 'primary'].includes(this.#address.target);
    if (takesWrites && this.#found !== url) this.#onMove(url);
    this.#found = url;
    return url;
  }
}
