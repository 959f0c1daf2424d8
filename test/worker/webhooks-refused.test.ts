import { afterEach, expect, test } from 'vitest';
import { payOrder, placeOrders } from '../../db/calls.ts';
import { openShop } from '../db/open-shop.ts';
import { requests, stock } from '../db/shop.ts';
import { until } from '../until.ts';
import { lives } from './receiver.ts';
import { untilTaken, Webhooks } from './webhook-dispatcher.ts';

/** An endpoint that accepts some orders' events and refuses others' for ever. */

const { worker, ops, sale } = await openShop(8);
const webhooks = new Webhooks(worker, ops);
const sku = await stock(ops, sale, { units: 10_000 });
const trade = (count: number) => webhooks.trade(sku, count);
afterEach(() => webhooks.end());

/** Places unpaid orders in one call and returns their numbers. */
async function tradeAtOnce(count: number): Promise<string[]> {
  const placed = await placeOrders(worker, 'hot', sku, requests(count));
  await webhooks.publish('hot');
  return placed.flatMap(({ orderNo }) => orderNo ?? []);
}

test('more than a thousand refused events at the head of the log delay only their own orders', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  const bad = new Set([...(await tradeAtOnce(600)), ...(await tradeAtOnce(600))]);
  receiver.answer = ({ subject }) => (bad.has(subject) ? 400 : 200);
  webhooks.startDispatcher({ retryDelayInitialMs: 1_000, retryDelayMaxMs: 2_000 });
  await until(
    'all of them were refused',
    async () => (await webhooks.lagOf(endpoint))?.failing === bad.size,
  );
  const [waits = ''] = bad;
  await payOrder(worker, waits, `w-${waits}`);
  await untilTaken(receiver, await trade(20));
  await until('only they wait', async () => {
    const lag = await webhooks.lagOf(endpoint);
    expect(lag).toMatchObject({ pending: bad.size + 1, failing: bad.size });
    return true;
  });
  expect(lives(receiver.taken).has(waits)).toBe(false);

  receiver.answer = () => 200;
  await untilTaken(receiver, [waits]);
  await until('nothing is behind', async () => (await webhooks.lagOf(endpoint))?.pending === 0);
});

test('events that are never answered delay only their own orders', async () => {
  const { receiver } = await webhooks.merchant();
  const bad = new Set(await tradeAtOnce(20));
  receiver.answer = ({ subject }) => (bad.has(subject) ? undefined : 200);
  webhooks.startDispatcher({ timeoutMs: 2_000 });
  await until('they are asked', () => receiver.attempts > 0);
  const good = await trade(100);
  const before = receiver.attempts;
  await untilTaken(receiver, good);
  // The other events were delivered while four of these waited for two seconds, again and again.
  // They did not take turns.
  expect(receiver.attempts - before).toBeLessThan(1.5 * 2 * good.length);
});

test('refused events are kept up to a limit, beyond which the log waits and loses nothing', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  const bad = await tradeAtOnce(40);
  receiver.answer = () => 400;
  webhooks.startDispatcher({
    pendingMax: 10,
    failingMax: 30,
    inFlightMax: 4,
    retriesInFlightMax: 4,
  });
  await until(
    'the limit is reached',
    async () => ((await webhooks.lagOf(endpoint))?.failing ?? 0) >= 30,
  );
  const good = await trade(5);
  const attempts = receiver.attempts + 200;
  await until('they are tried again and again', () => receiver.attempts > attempts);
  expect((await webhooks.lagOf(endpoint))?.unread).toBeGreaterThanOrEqual(good.length);
  receiver.answer = () => 200;
  await untilTaken(receiver, good);
  await until('nothing is behind', async () => (await webhooks.lagOf(endpoint))?.pending === 0);
  expect(new Set(receiver.taken.map(({ subject }) => subject)).size).toBe(bad.length + good.length);
});
