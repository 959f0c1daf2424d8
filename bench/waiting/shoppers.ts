import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { createSigner, type Keys, purchaseRequest } from '../crowd/purchase.ts';

/**
 * A process of shoppers on plain sockets. They connect, buy, wait for the outcome (by long-poll on one
 * half of the sockets, by event stream on the other), and note when it arrives.
 */

export interface Gather extends Keys {
  readonly host: string;
  readonly port: number;
  /** Source address. Each address has its own ephemeral ports. */
  readonly localAddress: string;
  readonly sockets: number;
  readonly sku: string;
}

/** When the outcome of each request arrived, in milliseconds since 1970. */
export type Told = Readonly<Record<string, number>>;

const CONNECTING_MAX = 100;
const PRESSES_MAX = 60;
const PRESS_AGAIN_MS = 1_000;
const WAIT_SECONDS = 30;
/** Characters kept from the end of the text so far, as an answer may arrive in several parts. */
const TAIL_LENGTH = 120;

interface Shopper {
  readonly token: string;
  statusUrl: string;
}

class Place {
  readonly socket: Socket;
  #tail = '';
  #heard: (text: string) => string = () => '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#tail = this.#heard(this.#tail + chunk.toString('latin1'));
    });
    socket.on('error', (error) => {
      throw error;
    });
    socket.on('end', () => {
      throw new Error('the node has closed the connection');
    });
  }

  /** @param heard gets the text that was not used yet and returns what it does not use */
  listen(heard: (text: string) => string): void {
    this.#heard = heard;
  }

  ask(request: Buffer, isAnswered: (text: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      this.listen((text) => {
        if (!isAnswered(text)) return text;
        resolve(text);
        return '';
      });
      this.socket.write(request);
    });
  }
}

const told: Record<string, number> = {};
let wanted = 0;

const headers = ({ token }: Shopper) => `host: shop.example\r\nauthorization: Bearer ${token}`;

async function inParallel<T>(items: readonly T[], many: number, work: (item: T) => Promise<void>) {
  const queue = items.values();
  const hands = Array.from({ length: many }, async () => {
    for (const item of queue) await work(item);
  });
  await Promise.all(hands);
}

/**
 * Each socket buys as soon as it is open, because the node closes silent connections, and asks for the status
 * as soon as its request is taken, as the page does.
 */
async function gather(order: Gather): Promise<void> {
  const { sockets, sku } = order;
  const sign = createSigner(order);
  const run = randomBytes(4).toString('hex');
  const indexes = Array.from({ length: sockets }, (_, index) => index);
  await inParallel(indexes, CONNECTING_MAX, async (index) => {
    const place = new Place(await open(order));
    const userId = `guest-${run}-${index}`;
    const token = sign.token(userId);
    const request = purchaseRequest(sign.ticket(userId, sku), token);
    wait(place, { token, statusUrl: await buy(place, request) }, index % 2 === 1);
  });
}

/** Presses until the node takes the request. On a busy machine it may refuse some. */
async function buy(place: Place, request: Buffer): Promise<string> {
  for (let left = PRESSES_MAX; left > 0; left -= 1) {
    const answer = await place.ask(request, (text) => text.endsWith('}'));
    const url = /"statusUrl":"([^"]+)"/.exec(answer)?.[1];
    if (url !== undefined) return url;
    if (left === 1) throw new Error(`not taken: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, PRESS_AGAIN_MS));
  }
  throw new Error('unreachable');
}

function open({ host, port, localAddress }: Gather): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket.off('error', reject)));
  });
}

/** Writes the status call. Its answer arrives with the outcome. */
function wait(place: Place, shopper: Shopper, isStream: boolean): void {
  const url = shopper.statusUrl + (isStream ? '/events' : `?wait=${WAIT_SECONDS}`);
  const ask = () => place.socket.write(`GET ${url} HTTP/1.1\r\n${headers(shopper)}\r\n\r\n`);
  place.listen((text) => {
    const atMs = performance.timeOrigin + performance.now();
    let end = 0;
    for (const found of text.matchAll(/"requestId":"([0-9a-f-]{36})","status":"(\w+)"/g)) {
      end = found.index + found[0].length;
      const [, id = '', status] = found;
      if (status === 'ordered') told[id] ??= atMs;
      // The long-poll has ended before the outcome: ask again, as the page does.
      else if (!isStream) ask();
    }
    return text.slice(Math.max(end, text.length - TAIL_LENGTH));
  });
  ask();
  wanted += 1;
}

async function untilTold(secondsMax: number): Promise<Told> {
  const untilMs = performance.now() + secondsMax * 1_000;
  while (Object.keys(told).length < wanted && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return told;
}

interface Order {
  readonly gather?: Gather;
  readonly untilTold?: number;
}

process.on('message', async (order: Order) => {
  if (order.gather) await gather(order.gather);
  process.send?.(order.untilTold === undefined ? {} : await untilTold(order.untilTold));
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
