import type { Lost } from '../../../zk/client/connection.ts';
import type { Clock, SimProcess } from './clock.ts';
import type { Random } from './random.ts';
import type { Ensemble, ZNode } from './zookeeper.ts';

/** How messages of one process fare on their way: slow, silent, or good. */

export interface NetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly ensemble: Ensemble;
  readonly process: SimProcess;
  /** Share of messages that take up to `slowMs`. */
  readonly slowShare: number;
  readonly slowMs: number;
  /** Shares of watch events that never come, or come twice. */
  readonly lostEvents: number;
  readonly doubledEvents: number;
  /** Told of each value that is handed to the process. */
  readonly onRead: (path: string, node: ZNode | undefined) => void;
}

/** What the world sees of a connection, and how it cuts it. */
export interface Connection {
  /** The server ends it, or refuses it; the process hears of it later. */
  closeByServer(why: Lost): void;
  /** Connected, and nothing that was held back by a silence is still on its way. */
  readonly isFlowing: boolean;
  /** The session, or the one that it asks to go on with. */
  readonly sessionId: bigint | undefined;
  /** Writes that were sent and are neither in the history nor refused yet. */
  readonly writesUnderWay: number;
}

/** What one process shares among its connections. */
export class Network {
  readonly options: NetworkOptions;
  link: Connection | undefined;
  /** Nothing passes, nothing breaks. */
  silentUntil = 0;
  #faults: { slow: number; lost: number; doubled: number };

  constructor(options: NetworkOptions) {
    this.options = options;
    const { slowShare, lostEvents, doubledEvents } = options;
    this.#faults = { slow: slowShare, lost: lostEvents, doubled: doubledEvents };
  }

  /** From now on messages are as quick as they are on a good day, and none is lost. */
  heal(): void {
    this.silentUntil = 0;
    this.#faults = { slow: 0, lost: 0, doubled: 0 };
  }

  latency(): number {
    const { random, slowMs } = this.options;
    return random.chance(this.#faults.slow) ? random.between(5, slowMs) : random.between(0.1, 1.5);
  }

  eventCopies(): number {
    const { random } = this.options;
    if (random.chance(this.#faults.lost)) return 0;
    return random.chance(this.#faults.doubled) ? 2 : 1;
  }
}
