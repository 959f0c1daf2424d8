import { setTimeout as delay } from 'node:timers/promises';
import { Shopper } from '../shopper.ts';
import type { System } from '../system.ts';
import { until } from '../until.ts';

/**
 * Shoppers who wait for the outcome of a purchase, half of them by long poll and half by event stream. They
 * connect again after a cut, as the page does.
 */

const WAITERS = 12;
const DEADLINE_MS = 300_000;
const RECONNECT_MS = 100;

/** Every answer to one shopper, in order. A refusal is its HTTP status. */
type Heard = string[];

export interface Waiters {
  /** How many units their purchases take. */
  readonly units: number;
  /** Resolves with what each of them has heard, when all know the outcome. */
  readonly heard: Promise<readonly Heard[]>;
}

async function longPoll(shopper: Shopper, statusUrl: string, heard: Heard): Promise<void> {
  const answer = await shopper.call('GET', `${statusUrl}?wait=10`);
  heard.push(answer.status === 200 ? answer.body.status : String(answer.status));
}

async function stream(shopper: Shopper, statusUrl: string, heard: Heard): Promise<void> {
  const response = await shopper.open(`${statusUrl}/events`);
  if (response.status !== 200 || response.body === null) {
    heard.push(String(response.status));
    return;
  }
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const [, data] = /^event: status\ndata: (.*)$/.exec(event) ?? [];
      if (data !== undefined) heard.push(JSON.parse(data).status);
    }
  }
}

/**
 * Resolves when all of them wait.
 *
 * @param webNodes their names
 */
export async function startWaiters(
  system: System,
  webNodes: readonly string[],
  { sale, sku }: { readonly sale: string; readonly sku: string },
): Promise<Waiters> {
  const waiting = Array.from({ length: WAITERS }, async (_, index) => {
    const shopper = new Shopper(system.url, system.jwtSecret);
    const taken = await until('a press is taken', async () => {
      const answer = await shopper.press(sale, sku).catch(() => undefined);
      return answer?.status === 202 && answer.body;
    });
    const own: Heard = [];
    const listen = index % 2 === 0 ? longPoll : stream;
    const untilMs = performance.now() + DEADLINE_MS;
    while (own.at(-1) !== 'ordered' && performance.now() < untilMs) {
      const isCut = await listen(shopper, taken.statusUrl, own).then(
        () => own.at(-1) === '503',
        () => true,
      );
      // A shopper who asks again at once, repeatedly, is refused.
      if (isCut) await delay(RECONNECT_MS);
    }
    return own;
  });
  await until('everybody waits', async () => {
    const texts = await Promise.all(webNodes.map((name) => system.metrics(name)));
    const waits = texts.map((text) => /^flashsale_waiting_shoppers{.*} (\d+)$/m.exec(text)?.[1]);
    return waits.reduce((sum, count) => sum + Number(count), 0) === WAITERS;
  });
  return { units: WAITERS, heard: Promise.all(waiting) };
}
