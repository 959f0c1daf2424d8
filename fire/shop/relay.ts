import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Random } from '../random.ts';

/** One link of the system: a TCP relay between one process and one server, which can be disturbed. */

export type Disturbance = 'cut' | 'cut-to-server' | 'cut-from-server' | 'delay' | 'loss';

/** One way, as a delay of a mobile or far network. */
const DELAY_MS = [20, 150] as const;
/** A packet is lost so often, and is sent again after TCP's shortest timeout. */
const LOSS_SHARE = 0.15;
const RETRANSMISSION_MS = 220;

/** One direction of one connection: bytes stay in order, however late they are. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  #lateUntilMs = 0;

  constructor(from: Socket, to: Socket, latenessMs: () => number) {
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes) => {
      const now = performance.now();
      this.#lateUntilMs = Math.max(this.#lateUntilMs, now + latenessMs());
      if (this.#lateUntilMs <= now) this.#write(bytes);
      else setTimeout(() => this.#write(bytes), this.#lateUntilMs - now);
    });
  }

  #write(bytes: Uint8Array | string): void {
    if (!this.#to.writable || this.#to.write(bytes)) return;
    this.#from.pause();
    this.#to.once('drain', () => this.#from.resume());
  }
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class Relay {
  readonly #pairs = new Set<Pair>();
  readonly #random: Random;
  readonly #listener;
  #disturbance: Disturbance | undefined;

  /** @param name of the link: what is lost on it comes from the name alone */
  constructor(name: string, target: { readonly host: string; readonly port: number }) {
    this.#random = new Random(0, name);
    this.#listener = createServer({ noDelay: true }, (client) => {
      const server = connect({ ...target, noDelay: true });
      this.#join({ client, server });
    });
  }

  /** The port that the process connects to. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#listener.listen(0, '127.0.0.1', resolve));
    return (this.#listener.address() as AddressInfo).port;
  }

  #join(pair: Pair): void {
    const { client, server } = pair;
    this.#pairs.add(pair);
    new Way(client, server, () => this.#latenessMs());
    new Way(server, client, () => this.#latenessMs());
    this.#hold(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
  }

  #latenessMs(): number {
    if (this.#disturbance === 'delay') return this.#random.between(...DELAY_MS);
    const isLost = this.#disturbance === 'loss' && this.#random.chance(LOSS_SHARE);
    return isLost ? RETRANSMISSION_MS : 0;
  }

  #hold({ client, server }: Pair): void {
    const how = this.#disturbance;
    if (how === 'cut' || how === 'cut-to-server') client.pause();
    else client.resume();
    if (how === 'cut' || how === 'cut-from-server') server.pause();
    else server.resume();
  }

  /** Undefined: the link is well again. Bytes that were held back arrive then. */
  disturb(how: Disturbance | undefined): void {
    this.#disturbance = how;
    for (const pair of this.#pairs) this.#hold(pair);
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
    this.#listener.close();
  }
}
