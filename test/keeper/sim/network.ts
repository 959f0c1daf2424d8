import type { Lost } from '../../../zk/client/connection.ts';
import type { Clock, SimProcess } from './clock.ts';
import type { Random } from './random.ts';
import type { Ensemble, ZNode } from './zookeeper.ts';

/** How the network treats the messages of one process: slow, silent or fast. */

export interface NetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly ensemble: Ensemble;
  readonly process: SimProcess;
  /** Share of messages that take up to `slowMs`. */
  readonly slowShare: number;
  readonly slowMs: number;
  /** Shares of watch events that are lost or arrive twice. */
  readonly lostEvents: number;
  readonly doubledEvents: number;
  /** Called with each value that the process receives. */
  readonly onRead: (path: string, node: ZNode | undefined) => void;
}

/** A connection as the world sees and cuts it. */
export interface Connection {
  /** The server ends or refuses the connection; the process learns of it later. */
  closeByServer(why: Lost): void;
  /** Whether it is connected and no message delayed by a silence is still under way. */
  readonly isFlowing: boolean;
  /** The session, or the one that it asks to resume. */
  readonly sessionId: bigint | undefined;
  /** Writes that were sent and are neither in the history nor refused yet. */
  readonly writesUnderWay: number;
}

/** State that all connections of one process share. */
export class Network {
  readonly options: NetworkOptions;
  link: Connection | undefined;
  /** Holds back all messages; connections stay open. */
  silentUntil = 0;
  #faults: { slow: number; lost: number; doubled: number };

  constructor(options: NetworkOptions) {
    this.options = options;
    const { slowShare, lostEvents, doubledEvents } = options;
    this.#faults = { slow: slowShare, lost: lostEvents, doubled: doubledEvents };
  }

  /** From now on messages are fast and none is lost. */
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
