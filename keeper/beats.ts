import type { Home } from '../contracts/homes.ts';
import type { Operation } from '../zk/client/result.ts';
import type { ZkSession } from '../zk/client/session.ts';
import type { Paths } from '../zk/tree/paths.ts';
import type { KeeperLog } from './figures.ts';

/**
 * The beats of the leading keeper. Each counts one up in a database and stores the count in ZooKeeper. A database
 * whose count is lower than ZooKeeper's was set back, and is not accepted until `flashsale after-restore`
 * (docs/decisions/0068). A standby that was promoted has all beats, and is accepted by the next one.
 */

/** A restore to a time that is less than this in the past may not be recognised. */
const BEAT_INTERVAL_MS = 1_000;
/** After a failover, the shop waits for the next beat. */
const RETRY_MS = 200;

/** @returns the beat; undefined if the database was set back. Rejects when the database does not answer */
export type Beat = (known: string | undefined) => Promise<string | undefined>;

export interface BeatsOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** The check that every write contains. */
  readonly epoch: Operation;
  /** By the first home of each server. */
  readonly beats: ReadonlyMap<Home, Beat>;
  readonly log: KeeperLog;
}

export class Beats {
  readonly #options: BeatsOptions;
  readonly #setBack = new Set<Home>();
  readonly #timers = new Map<Home, NodeJS.Timeout>();
  #ended = false;

  constructor(options: BeatsOptions) {
    this.#options = options;
    for (const [home, beat] of options.beats) void this.#goOn(home, beat);
  }

  /** Homes whose database was set back. */
  get setBack(): ReadonlySet<Home> {
    return this.#setBack;
  }

  async #goOn(home: Home, beat: Beat): Promise<void> {
    const isDone = await this.#beatOnce(home, beat).catch(() => false);
    if (this.#ended) return;
    const pauseMs = isDone ? BEAT_INTERVAL_MS : RETRY_MS;
    this.#timers.set(
      home,
      setTimeout(() => void this.#goOn(home, beat), pauseMs),
    );
  }

  /** @returns false when it has to be repeated */
  async #beatOnce(home: Home, beat: Beat): Promise<boolean> {
    const { session, paths, epoch } = this.#options;
    const path = paths.beat(home);
    if (!(await session.ensure(path)).ok) return false;
    const found = await session.get(path);
    if (!found.ok || this.#ended) return false;
    const text = await beat(found.value.text || undefined);
    this.#tell(home, text === undefined);
    if (text === undefined || this.#ended) return true;
    return (await session.multi([epoch, { op: 'set', path, text, version: -1 }])).ok;
  }

  #tell(home: Home, isSetBack: boolean): void {
    const { log } = this.#options;
    if (isSetBack && !this.#setBack.has(home)) {
      log.error(
        { home },
        'the database was set back: nothing is sold until flashsale after-restore',
      );
    }
    if (!isSetBack && this.#setBack.has(home)) log.info({ home }, 'the database is accepted again');
    if (isSetBack) this.#setBack.add(home);
    else this.#setBack.delete(home);
  }

  end(): void {
    this.#ended = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
