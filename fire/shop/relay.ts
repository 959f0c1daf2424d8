import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Random } from '../random.ts';

/**
 * One link of the system: a TCP relay between one process and one server, or all members of its cluster. It can
 * be disturbed.
 */

/** Where a server, or a member of its cluster, takes connections. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export type Disturbance =
  | 'cut'
  | 'cut-to-server'
  | 'cut-from-server'
  | 'late-to-server'
  | 'delay'
  | 'loss';

/**
 * The fate of a message and of its connection at the worst moment. `lose-message`: neither arrives.
 * `lose-answer`: the server has it, and its answer is lost. `hang-up`: the server has it, and the process
 * loses the connection while the server is still at work.
 */
export type Strike = 'lose-message' | 'lose-answer' | 'hang-up';

/** One way, as a delay of a mobile or far network. */
const DELAY_MS = [20, 150] as const;
/** A packet is lost so often, and is sent again after TCP's shortest timeout. */
const LOSS_SHARE = 0.15;
const RETRANSMISSION_MS = 220;
/** Heartbeats, pings, acknowledgements and small questions are shorter than orders. */
const MESSAGE_BYTES_MIN = 200;

/** One direction of one connection: bytes stay in order, however late they are. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: Buffer[] = [];
  #lateUntilMs = 0;
  #isHolding = false;

  constructor(from: Socket, to: Socket, takes: (bytes: Buffer) => boolean, late: () => number) {
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes: Buffer) => {
      if (!takes(bytes)) return;
      if (this.#isHolding) return void this.#held.push(bytes);
      const now = performance.now();
      this.#lateUntilMs = Math.max(this.#lateUntilMs, now + late());
      if (this.#lateUntilMs <= now) this.#write(bytes);
      else setTimeout(() => this.#write(bytes), this.#lateUntilMs - now);
    });
  }

  /** Bytes are on their way: they arrive when they are let go, even if their sender has died. */
  hold(isHolding: boolean): void {
    this.#isHolding = isHolding;
    if (isHolding) return;
    for (const bytes of this.#held.splice(0)) this.#write(bytes);
    if (this.#from.destroyed) this.#to.end();
  }

  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  #write(bytes: Buffer): void {
    if (!this.#to.writable || this.#to.write(bytes)) return;
    this.#from.pause();
    this.#to.once('drain', () => this.#from.resume());
  }
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly toServer: Way;
  /** The next bytes of the server are the answer that is lost. */
  isAwaited: boolean;
}

export class Relay {
  readonly #pairs = new Set<Pair>();
  readonly #random: Random;
  readonly #listeners: readonly Server[];
  #disturbance: Disturbance | undefined;
  #strike: { readonly how: Strike; readonly struck: () => void } | undefined;

  #delivered: (() => void) | undefined;

  /** @param name of the link: what is lost on it comes from the name alone */
  constructor(name: string, targets: readonly Target[]) {
    this.#random = new Random(0, name);
    this.#listeners = targets.map((target) =>
      createServer({ noDelay: true }, (client) => {
        this.#join(client, connect({ ...target, noDelay: true }));
      }),
    );
  }

  /** The ports of this address that the process connects to, one for each target. */
  listen(host: string): Promise<number[]> {
    return Promise.all(
      this.#listeners.map(async (listener) => {
        await new Promise<void>((resolve) => listener.listen(0, host, resolve));
        return (listener.address() as AddressInfo).port;
      }),
    );
  }

  #join(client: Socket, server: Socket): void {
    const late = () => this.#latenessMs();
    const toServer = new Way(client, server, (bytes) => this.#takesMessage(pair, bytes), late);
    const pair: Pair = { client, server, toServer, isAwaited: false };
    new Way(server, client, (bytes) => this.#takesAnswer(pair, bytes), late);
    this.#pairs.add(pair);
    this.#hold(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    server.on('error', end).on('close', end);
    for (const event of ['error', 'close'] as const) {
      client.on(event, () => (toServer.isHolding ? client.destroy() : end()));
    }
  }

  #latenessMs(): number {
    if (this.#disturbance === 'delay') return this.#random.between(...DELAY_MS);
    const isLost = this.#disturbance === 'loss' && this.#random.chance(LOSS_SHARE);
    return isLost ? RETRANSMISSION_MS : 0;
  }

  #takesMessage(pair: Pair, bytes: Buffer): boolean {
    if (this.#strike === undefined || bytes.length < MESSAGE_BYTES_MIN) return true;
    const { how, struck } = this.#strike;
    this.#strike = undefined;
    struck();
    if (how === 'lose-answer') {
      pair.isAwaited = true;
      return true;
    }
    if (how === 'hang-up') {
      this.#pairs.delete(pair);
      pair.server.end(bytes);
      pair.client.removeAllListeners('close').removeAllListeners('data');
    } else pair.server.destroy();
    pair.client.resetAndDestroy();
    return false;
  }

  #takesAnswer(pair: Pair, bytes: Buffer): boolean {
    if (bytes.length >= MESSAGE_BYTES_MIN) this.#delivered?.();
    if (pair.isAwaited) pair.client.resetAndDestroy();
    return !pair.isAwaited;
  }

  #hold({ client, server, toServer }: Pair): void {
    const how = this.#disturbance;
    if (how === 'cut' || how === 'cut-to-server') client.pause();
    else client.resume();
    if (how === 'cut' || how === 'cut-from-server') server.pause();
    else server.resume();
    toServer.hold(how === 'late-to-server');
  }

  /** Undefined: the link is well again. Bytes that were held back arrive then. */
  disturb(how: Disturbance | undefined): void {
    this.#disturbance = how;
    for (const pair of this.#pairs) this.#hold(pair);
  }

  /** Strikes when the process sends its next message. Calls `struck` at that moment, once. */
  arm(how: Strike, struck: () => void): void {
    this.#strike = { how, struck };
  }

  /** Calls this when the server hands a message over. */
  onDelivery(delivered: (() => void) | undefined): void {
    this.#delivered = delivered;
  }

  disarm(): void {
    this.#strike = undefined;
  }

  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  close(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    for (const listener of this.#listeners) listener.close();
  }
}
