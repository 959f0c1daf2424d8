import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { percentile } from '../figures.ts';
import { zipf } from '../zipf.ts';

/**
 * The clients, in a process of their own: on each connection a fixed number of transfers is under way
 * (HTTP pipelining), and every answer is followed by the next transfer, until the time is over.
 */

export interface Drive {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Transfers under way on each connection. */
  readonly depth: number;
  readonly seconds: number;
  readonly accounts: number;
  readonly exponent: number;
}

export interface Driven {
  readonly made: number;
  readonly refused: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** As in the public benchmark. */
const AMOUNT = 1;
/** Pairs of accounts are drawn before the clock starts, and used again in the same order. */
const PAIRS = 1 << 18;
const END = '}'.charCodeAt(0);
/** The last byte before the end of an answer: of `null` and of a text. Errors end with a digit. */
const [MADE, REFUSED] = ['l'.charCodeAt(0), '"'.charCodeAt(0)];

function drawPairs({ accounts, exponent }: Drive): Int32Array {
  const draw = zipf(accounts, exponent, Math.random);
  const pairs = new Int32Array(PAIRS * 2);
  for (let index = 0; index < pairs.length; index += 2) {
    const from = draw();
    let to = draw();
    while (to === from) to = draw();
    pairs[index] = from;
    pairs[index + 1] = to;
  }
  return pairs;
}

/** Returns a function that writes the next requests as one text. */
function requestsOf(order: Drive): (count: number) => string {
  const pairs = drawPairs(order);
  const start = `POST ${order.path} HTTP/1.1\r\nhost: keynote.example\r\ncontent-type: application/json\r\ncontent-length: `;
  let at = 0;
  return (count) => {
    let text = '';
    for (let left = count; left > 0; left -= 1) {
      const body = `{"requestId":"${randomUUID()}","from":${pairs[at]},"to":${pairs[at + 1]},"amount":${AMOUNT}}`;
      text += `${start}${body.length}\r\n\r\n${body}`;
      at = (at + 2) % pairs.length;
    }
    return text;
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket.off('error', reject)));
  });
}

async function drive(order: Drive): Promise<Driven> {
  const { port, connections, depth, seconds } = order;
  const next = requestsOf(order);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const timesMs: number[] = [];
  let [made, refused, underWay] = [0, 0, 0];
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1_000;
  const send = (socket: Socket, sentAtMs: number[], count: number) => {
    const nowMs = performance.now();
    if (nowMs >= untilMs) return;
    underWay += count;
    for (let index = 0; index < count; index += 1) sentAtMs.push(nowMs);
    socket.write(next(count), 'latin1');
  };
  for (const socket of sockets) {
    // Answers come in the order of the requests.
    const sentAtMs: number[] = [];
    let last = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the front closed a connection')));
    socket.on('data', (chunk: Buffer) => {
      const nowMs = performance.now();
      let answers = 0;
      for (let at = chunk.indexOf(END); at >= 0; at = chunk.indexOf(END, at + 1)) {
        const before = at === 0 ? last : chunk[at - 1];
        if (before === MADE) made += 1;
        else if (before === REFUSED) refused += 1;
        else reject(new Error(`the front answered ${chunk.toString('latin1')}`));
        timesMs.push(nowMs - (sentAtMs[answers] ?? nowMs));
        answers += 1;
      }
      last = chunk.at(-1) ?? 0;
      sentAtMs.splice(0, answers);
      underWay -= answers;
      if (answers > 0) send(socket, sentAtMs, answers);
      if (underWay === 0) resolve();
    });
    send(socket, sentAtMs, depth);
  }
  await ended;
  const took = (performance.now() - startMs) / 1_000;
  for (const socket of sockets) socket.removeAllListeners('close').destroy();
  const [p50Ms, p99Ms] = [percentile(timesMs, 0.5), percentile(timesMs, 0.99)];
  return { made, refused, seconds: took, p50Ms, p99Ms };
}

process.on('message', async (order: Drive) => process.send?.(await drive(order)));
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
