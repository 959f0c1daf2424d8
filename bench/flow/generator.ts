import { randomBytes } from 'node:crypto';
import { Lines } from '../crowd/lines.ts';
import { type Pressed, press } from '../crowd/press.ts';
import { BROWSER_HEADERS, createSigner, type Keys, purchaseRequest } from '../crowd/purchase.ts';

/**
 * The crowd, in a separate process. It signs tickets and identities before the clock starts
 * (`prepare`). Then it sends requests as fast as answers come (`press`), or at a fixed rate
 * independent of the answers (`pace`).
 */

const DRAIN_TIMEOUT_MS = 15_000;

export interface Prepare extends Keys {
  readonly count: number;
  readonly sku: string;
}

export interface Press {
  readonly host: string;
  readonly port: number;
  /** Sends each prepared request once; if more are wanted, it starts again with the first. */
  readonly count: number;
  readonly connections: number;
}

export interface Pace {
  readonly host: string;
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Every n-th shopper waits for the outcome by long-poll. */
  readonly watchEvery: number;
}

export interface Paced extends Omit<Pressed, 'answers'> {
  readonly due: number;
  /** Requests that were due but had no free connection. */
  readonly notSent: number;
  readonly unanswered: number;
  /** Measured from the time at which the request was due. */
  readonly acceptedMs: readonly number[];
  /** From the due time to the write: the delay of this process itself. The other times include it. */
  readonly lateMs: readonly number[];
  readonly orderedMs: readonly number[];
  readonly watched: number;
  /** Answers other than `ordered` to shoppers who waited for the outcome. */
  readonly otherwise: Readonly<Record<string, number>>;
}

let prepared: Buffer[] = [];

function prepare({ count, sku, ...keys }: Prepare): void {
  const sign = createSigner(keys);
  const run = randomBytes(4).toString('hex');
  prepared = Array.from({ length: count }, (_, index) => {
    const userId = `guest-${run}-${index}`;
    return purchaseRequest(sign.ticket(userId, sku), sign.token(userId), BROWSER_HEADERS);
  });
}

function pressAll({ count, connections, ...place }: Press): Promise<Pressed> {
  let next = 0;
  return press(place, connections, () =>
    next < count ? prepared[next++ % prepared.length] : undefined,
  );
}

/** Arrivals of a Poisson process, which do not depend on earlier answers. */
async function pace(how: Pace): Promise<Paced> {
  const { perSecond, seconds, watchEvery } = how;
  const statuses: Record<string, number> = {};
  const otherwise: Record<string, number> = {};
  const [acceptedMs, orderedMs, lateMs]: [number[], number[], number[]] = [[], [], []];
  const [buying, waiting] = [new Lines(how), new Lines(how)];
  await Promise.all([buying.open(256), waiting.open(256)]);
  let [due, notSent, underWay, watched] = [0, 0, 0, 0];
  const startedAtMs = Date.now();
  const clockMs = performance.now();
  const untilMs = clockMs + seconds * 1_000;
  let nextAtMs = clockMs;

  const watch = (request: Buffer, body: string, dueMs: number) => {
    const line = waiting.take();
    if (line === undefined) return;
    watched += 1;
    underWay += 1;
    const [, authorization] = /\r\n(authorization: [^\r]+)/.exec(request.toString('latin1')) ?? [];
    const url = /"statusUrl":"([^"]+)"/.exec(body)?.[1];
    line.ask(
      `GET ${url}?wait=10 HTTP/1.1\r\nhost: shop.example\r\n${authorization}\r\n\r\n`,
      (_status, answer) => {
        underWay -= 1;
        waiting.give(line);
        const status = /"status":"(\w+)"/.exec(answer)?.[1] ?? answer;
        if (status === 'ordered') orderedMs.push(performance.now() - dueMs);
        else otherwise[status] = (otherwise[status] ?? 0) + 1;
      },
    );
  };
  const send = (dueMs: number) => {
    const index = due++;
    const request = prepared[index];
    const line = request && buying.take();
    if (request === undefined || line === undefined) {
      notSent += 1;
      return;
    }
    underWay += 1;
    lateMs.push(performance.now() - dueMs);
    line.ask(request, (status, body) => {
      underWay -= 1;
      buying.give(line);
      statuses[status] = (statuses[status] ?? 0) + 1;
      acceptedMs.push(performance.now() - dueMs);
      if (status === '202' && index % watchEvery === 0) watch(request, body, dueMs);
    });
  };

  await new Promise<void>((resolve) => {
    const tick = () => {
      const nowMs = performance.now();
      while (nextAtMs <= nowMs && nextAtMs < untilMs) {
        send(nextAtMs);
        nextAtMs += (-Math.log(1 - Math.random()) * 1_000) / perSecond;
      }
      const isOver = nextAtMs >= untilMs && (underWay === 0 || nowMs > untilMs + DRAIN_TIMEOUT_MS);
      if (isOver) resolve();
      else setTimeout(tick, 1);
    };
    tick();
  });
  buying.end();
  waiting.end();
  const times = { acceptedMs, lateMs, orderedMs };
  const figures = { due, notSent, unanswered: underWay, ...times, watched, otherwise };
  return { statuses, seconds: (performance.now() - clockMs) / 1_000, startedAtMs, ...figures };
}

interface Order {
  readonly prepare?: Prepare;
  readonly press?: Press;
  readonly pace?: Pace;
}

process.on('message', async (order: Order) => {
  if (order.prepare) prepare(order.prepare);
  const pressed = order.press && (await pressAll(order.press));
  const paced = order.pace && (await pace(order.pace));
  process.send?.(pressed ?? paced ?? {});
});
process.on('SIGINT', () => {});
