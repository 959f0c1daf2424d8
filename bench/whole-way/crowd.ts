import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Line } from '../crowd/line.ts';
import { Lines } from '../crowd/lines.ts';
import {
  createSigner,
  type Keys,
  purchaseRequest,
  statusRequest,
  ticketRequest,
} from '../crowd/purchase.ts';

/**
 * Shoppers who take the whole way, in a process of their own: a ticket, the press, and the outcome by long-poll. They come
 * whether or not others were answered, and times count from when each was due.
 */

const LINES_AT_START = 512;
const TICK_MS = 1;
/** After the last arrival, for those who are still on the way. */
const DRAIN_MS = 15_000;

export interface Arrivals {
  readonly keys: Keys & { readonly sku: string };
  readonly host: string;
  readonly port: number;
  /** The mean of a Poisson process, from the first moment on. */
  readonly perSecond: number;
  readonly seconds: number;
}

export interface Came {
  readonly due: number;
  /** Shoppers who found no free connection. */
  readonly notSent: number;
  readonly unanswered: number;
  /** Outcomes, and answers other than `201` and `202`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Milliseconds from the moment at which the shopper was due. */
  readonly acceptedMs: readonly number[];
  readonly orderedMs: readonly number[];
  /** From the due time to the first write: the delay of this process itself. The other times include it. */
  readonly lateMs: readonly number[];
}

/** Makes a shopper's token when the shopper is due, so that no crowd is kept. */
function tokensOf(keys: Keys): () => string {
  const sign = createSigner(keys);
  const run = randomBytes(4).toString('hex');
  let made = 0;
  return () => {
    made += 1;
    return sign.token(`guest-${run}-${made}`);
  };
}

const asked = (line: Line, request: Buffer | string) =>
  new Promise<{ status: string; body: string }>((resolve) => {
    line.ask(request, (status, body) => resolve({ status, body }));
  });

async function come({ keys, perSecond, seconds, ...place }: Arrivals): Promise<Came> {
  const nextToken = tokensOf(keys);
  const lines = new Lines(place);
  await lines.open(LINES_AT_START);
  const outcomes: Record<string, number> = {};
  const [acceptedMs, orderedMs, lateMs]: [number[], number[], number[]] = [[], [], []];
  let [due, notSent, underWay] = [0, 0, 0];
  const count = (outcome: string) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };

  async function wholeWay(line: Line, token: string, dueMs: number) {
    lateMs.push(performance.now() - dueMs);
    const ticket = await asked(line, ticketRequest(keys.sale, keys.sku, token));
    if (ticket.status !== '201') return count(`ticket ${ticket.status}`);
    const press = await asked(line, purchaseRequest(JSON.parse(ticket.body).ticket, token));
    if (press.status !== '202') return count(`press ${press.status}`);
    acceptedMs.push(performance.now() - dueMs);
    const { statusUrl } = JSON.parse(press.body) as { statusUrl: string };
    for (;;) {
      const { status, body } = await asked(line, statusRequest(statusUrl, token, 10));
      const outcome = status === '200' ? (JSON.parse(body).status as string) : `status ${status}`;
      if (outcome === 'queued') continue;
      if (outcome === 'ordered') orderedMs.push(performance.now() - dueMs);
      return count(outcome);
    }
  }

  function arrive(dueMs: number): void {
    due += 1;
    const line = lines.take();
    if (line === undefined) {
      notSent += 1;
      return;
    }
    underWay += 1;
    void wholeWay(line, nextToken(), dueMs).then(() => {
      underWay -= 1;
      lines.give(line);
    });
  }

  let nextAtMs = performance.now();
  const untilMs = nextAtMs + seconds * 1_000;
  while (nextAtMs < untilMs) {
    while (nextAtMs <= performance.now() && nextAtMs < untilMs) {
      arrive(nextAtMs);
      nextAtMs += (-Math.log(1 - Math.random()) * 1_000) / perSecond;
    }
    await delay(TICK_MS);
  }
  const drainedMs = performance.now() + DRAIN_MS;
  while (underWay > 0 && performance.now() < drainedMs) await delay(10);
  lines.end();
  return { due, notSent, unanswered: underWay, outcomes, acceptedMs, orderedMs, lateMs };
}

process.on('message', async (order: Arrivals) => {
  process.send?.(await come(order));
});
process.on('SIGINT', () => {});
