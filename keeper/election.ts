import { randomBytes } from 'node:crypto';
import type { Observation } from '../zk/client/observe.ts';
import type { ZkSession } from '../zk/client/session.ts';
import type { Paths } from '../zk/tree/paths.ts';

/**
 * Elects the leading keeper: the one whose ephemeral entry below /keeper/election has the lowest
 * number.
 *
 * A new leader first writes /keeper/epoch. Each later write of the leader is a transaction that
 * checks the version of that write, so a leader that was deposed while it slept can write nothing
 * more. The write also synchronises the reader, so a new leader reads nothing older than its own
 * election.
 */

const RETRY_MS = 200;
/** The entry of a keeper. Another node that somebody creates there by hand does not take part. */
const ENTRY = /^k-[0-9a-f]{16}-\d{10}$/;

export interface ElectionOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** The keeper's id, written to the epoch node. */
  readonly keeper: string;
  /** `epoch` is the version of the epoch node that every write has to check. */
  readonly onElected: (epoch: number) => void;
  readonly onDeposed: () => void;
}

export class Election {
  #options: ElectionOptions;
  /** Identifies the keeper's own entry when the answer to its creation was lost. */
  #entryPrefix = '';
  #entries: Observation;
  #epoch: Observation;
  #leadsSince: number | undefined;
  /** The transaction with which this keeper wrote the epoch. */
  #modified = 0n;
  #busy = false;
  #again = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    const { session, paths } = options;
    session.on('session', () => this.#enter());
    session.on('expired', () => this.depose());
    this.#entries = session.watchChildren(paths.election, () => this.#look());
    this.#epoch = session.watch(paths.epoch, (epoch) => {
      // Somebody has written it since or, by hand, deleted it: every write of this leader fails.
      if (epoch === undefined || epoch.stat.modified > this.#modified) this.depose();
    });
    if (session.isConnected) this.#enter();
  }

  get leads(): boolean {
    return this.#leadsSince !== undefined;
  }

  #enter(): void {
    this.#entryPrefix = `k-${randomBytes(8).toString('hex')}-`;
    this.#look();
  }

  /** Reads the entries, one read at a time; a failed read is repeated. */
  async #look(): Promise<void> {
    if (this.#busy) this.#again = true;
    if (this.#busy || this.#closed || this.#entryPrefix === '') return;
    this.#busy = true;
    this.#again = false;
    clearTimeout(this.#timer);
    const isDone = await this.#tryOnce(this.#entryPrefix);
    this.#busy = false;
    if (this.#closed) return;
    if (this.#again) this.#look();
    else if (!isDone) this.#timer = setTimeout(() => this.#look(), RETRY_MS);
  }

  async #tryOnce(prefix: string): Promise<boolean> {
    const { session, paths, keeper } = this.#options;
    if (!(await session.ensure(paths.election)).ok) return false;
    const entries = await session.children(paths.election);
    if (!entries.ok || prefix !== this.#entryPrefix) return false;
    const those = entries.value.filter((name) => ENTRY.test(name));
    const inOrder = those.sort((a, b) => numberOf(a) - numberOf(b));
    if (!inOrder.some((entry) => entry.startsWith(prefix))) {
      this.depose();
      const kind = { ephemeral: true, sequential: true };
      await session.create(`${paths.election}/${prefix}`, keeper, kind);
      // Both the event of its creation and the timer start the next read.
      return false;
    }
    const isFirst = inOrder[0]?.startsWith(prefix) ?? false;
    if (!isFirst || this.leads) return true;
    return this.#beginEpoch(prefix);
  }

  async #beginEpoch(prefix: string): Promise<boolean> {
    const { session, paths, keeper, onElected } = this.#options;
    if (!(await session.ensure(paths.epoch)).ok) return false;
    const before = await session.get(paths.epoch);
    if (!before.ok) return false;
    const written = await session.set(paths.epoch, keeper, before.value.stat.version);
    if (!written.ok || prefix !== this.#entryPrefix || this.#closed) return false;
    this.#leadsSince = written.value.version;
    this.#modified = written.value.modified;
    onElected(this.#leadsSince);
    return true;
  }

  /** Ends the lead, because writes with its epoch fail. If this keeper is still the first, it begins another epoch. */
  depose(): void {
    if (this.#leadsSince === undefined) return;
    this.#leadsSince = undefined;
    this.#options.onDeposed();
    this.#look();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#entries.close();
    this.#epoch.close();
  }
}

function numberOf(entry: string): number {
  return Number(entry.slice(-10));
}
