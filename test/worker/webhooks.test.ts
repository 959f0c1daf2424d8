import { afterEach, expect, test } from 'vitest';
import type { CloudEvent } from '../../contracts/events.ts';
import {
  payOrder,
  removeWebhook,
  replayWebhooks,
  rotateWebhookSecret,
  setWebhookState,
  takeWebhooks,
  webhookEndpoints,
  webhookLags,
  webhookTargets,
} from '../../db/calls.ts';
import { openShop } from '../db/open-shop.ts';
import { order, stock } from '../db/shop.ts';
import { until } from '../until.ts';
import { lives } from './receiver.ts';
import { LIMITS, SECRET, untilTaken, Webhooks } from './webhook-dispatcher.ts';

const NEW_SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

const { worker, ops, sale } = await openShop(8);
const webhooks = new Webhooks(worker, ops);
const sku = await stock(ops, sale, { units: 10_000 });
const trade = (count: number) => webhooks.trade(sku, count);
afterEach(() => webhooks.end());

async function stateOf(endpoint: string) {
  const all = await webhookEndpoints(ops);
  return all.find((one) => one.endpoint === endpoint);
}

test('two workers deliver each event, in order for each order, to an endpoint that often fails and answers late', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  let asked = 0;
  receiver.answer = () => {
    asked += 1;
    if (asked % 5 === 0) return 503;
    if (asked % 17 === 0) return undefined;
    return asked % 7 === 0 ? 302 : 200;
  };
  const registries = [webhooks.startDispatcher().registry, webhooks.startDispatcher().registry];
  const numbers = [...(await trade(30)), ...(await trade(30))];
  await untilTaken(receiver, numbers);
  expect(receiver.forged).toBe(0);
  expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(120);
  await until('nothing is behind', async () => {
    expect(await webhooks.lagOf(endpoint)).toMatchObject({
      pending: 0,
      unread: 0,
      givenUp: 0,
      since: null,
    });
    return true;
  });
  await until('the metrics say so', async () => {
    const texts = await Promise.all(registries.map((registry) => registry.text()));
    const sum = (result: string) => {
      const counts = texts.flatMap((text) => [
        ...text.matchAll(new RegExp(`deliveries_total\\{.*result="${result}".*\\} (\\d+)`, 'g')),
      ]);
      return counts.reduce((all, [, count]) => all + Number(count), 0);
    };
    // No event was given to both workers: an event that one had delivered never came again.
    expect(sum('delivered')).toBe(120);
    expect(sum('failed')).toBeGreaterThan(10);
    expect(texts[0]).toMatch(new RegExp(`webhook_lag_seconds\\{endpoint="${endpoint}".*\\} 0`));
    return true;
  });
  expect((await stateOf(endpoint))?.state).toBe('active');
});

test('an endpoint that does not answer delays no other endpoint, and its events are kept', async () => {
  const [slow, fast] = [await webhooks.merchant(), await webhooks.merchant()];
  slow.receiver.answer = () => undefined;
  webhooks.startDispatcher({ timeoutMs: 60_000 });
  await until('the slow one is asked', async () => {
    if (slow.receiver.attempts > 0) return true;
    await trade(1);
    return false;
  });
  const numbers = await trade(40);
  await untilTaken(fast.receiver, numbers);
  // No more attempts at once than allowed.
  expect(slow.receiver.attempts).toBeLessThanOrEqual(LIMITS.inFlightMax);
  const behind = await webhooks.lagOf(slow.endpoint);
  expect(behind?.pending ?? 0).toBeGreaterThan(0);
  expect(behind?.since).not.toBeNull();
  await slow.receiver.close();
});

test('an endpoint that is gone is disabled at once, and gets the missed events when it is enabled again', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  receiver.answer = () => 410;
  webhooks.startDispatcher();
  const first = await trade(3);
  await until('it is disabled', async () => (await stateOf(endpoint))?.disabledReason === 'gone');
  const asked = receiver.attempts;
  const second = await trade(3);
  receiver.answer = () => 200;
  await setWebhookState(ops, endpoint, null);
  await replayWebhooks(ops, 'hot', endpoint);
  await untilTaken(receiver, [...first, ...second]);
  expect(asked).toBeLessThanOrEqual(LIMITS.inFlightMax);
});

test('an endpoint that fails for long is disabled, and a success resets the count', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  receiver.answer = () => 500;
  webhooks.startDispatcher({ failuresMax: 10, failingMaxMs: 300 });
  const numbers = await trade(4);
  await until('it is disabled', async () => (await stateOf(endpoint))?.state === 'disabled');
  expect(await stateOf(endpoint)).toMatchObject({
    disabledReason: 'failing',
    lastError: 'HTTP 500',
  });
  receiver.answer = () => 200;
  await setWebhookState(ops, endpoint, null);
  await replayWebhooks(ops, 'hot', endpoint);
  await untilTaken(receiver, numbers);
  await until('it is written down', async () => {
    expect(await stateOf(endpoint)).toMatchObject({ state: 'active', failures: 0 });
    return true;
  });
});

test('an event that is always refused is given up, and later events of its order are delivered', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  const isPoison = (event: CloudEvent) => event.type === 'order.placed' && event.subject === bad;
  const bad = await order(worker, sku);
  await payOrder(worker, bad, `w-${bad}`);
  receiver.answer = (event) => (isPoison(event) ? 400 : 200);
  webhooks.startDispatcher({ attemptsMax: 3 });
  const good = await trade(5);
  await untilTaken(receiver, good);
  await until('the paid one follows', () => lives(receiver.taken).get(bad)?.[0] === 'order.paid');
  await until('it is reported', async () => {
    expect(await webhooks.lagOf(endpoint)).toMatchObject({ pending: 0, givenUp: 1 });
    return true;
  });

  // The merchant has repaired its server: all events from that one on come again, with the same
  // ids.
  receiver.answer = () => 200;
  const before = receiver.taken.splice(0);
  const [first] = before;
  const eventNo = String(Math.min(...before.map(({ id }) => Number(id.split('.')[1]))) - 1);
  expect(first).toBeDefined();
  expect(await replayWebhooks(ops, 'hot', endpoint, { eventNo })).toBe(true);
  await untilTaken(receiver, [bad, ...good]);
  const copies = new Map(receiver.taken.map((event) => [event.id, event]));
  for (const event of before) expect(copies.get(event.id)).toEqual(event);
  const none = { at: new Date(Date.now() + 3_600_000) };
  expect(await replayWebhooks(ops, 'hot', endpoint, none)).toBe(false);
});

test('after a change of its secret, deliveries are signed with both secrets for a while; a new endpoint gets only new events', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  webhooks.startDispatcher();
  const first = await trade(2);
  await untilTaken(receiver, first);
  await rotateWebhookSecret(ops, endpoint, NEW_SECRET, 3_600_000);
  receiver.secret = NEW_SECRET;
  const late = await webhooks.merchant();
  await until('the new secret is in use', async () => {
    receiver.forged = 0;
    const [one = ''] = await trade(1);
    await until('it is taken', () => lives(receiver.taken).get(one)?.length === 2);
    return receiver.forged === 0;
  });
  receiver.secret = SECRET;
  const second = await trade(2);
  await untilTaken(receiver, second);
  expect(receiver.forged).toBe(0);
  await untilTaken(late.receiver, second);
  for (const no of first) expect(lives(late.receiver.taken).has(no)).toBe(false);
});

test('each secret signs until its own time, however often there is a new one, and there is a limit', async () => {
  const { endpoint } = await webhooks.merchant();
  const secretsNow = async () => {
    const all = await webhookTargets(worker);
    return all.find((one) => one.endpoint === endpoint)?.secrets;
  };
  const secrets = Array.from(
    { length: 10 },
    (_, index) => `whsec_${Buffer.alloc(32, 10 + index).toString('base64')}`,
  );
  const [lost = '', used = '', ended = '', last = ''] = secrets;
  // The first new secret was not written down: the merchant's server still has the one before it.
  await rotateWebhookSecret(ops, endpoint, lost, 3_600_000);
  await rotateWebhookSecret(ops, endpoint, used, 3_600_000);
  expect(await secretsNow()).toEqual([used, lost, SECRET]);
  await rotateWebhookSecret(ops, endpoint, ended, 0);
  await rotateWebhookSecret(ops, endpoint, last, 3_600_000);
  expect(await secretsNow()).toEqual([last, ended, lost, SECRET]);
  for (const secret of secrets.slice(4, 9)) {
    await rotateWebhookSecret(ops, endpoint, secret, 3_600_000);
  }
  await expect(rotateWebhookSecret(ops, endpoint, secrets[9] ?? '', 3_600_000)).rejects.toThrow(
    /8 older secrets that still sign, the first one until/,
  );
  const kept = await secretsNow();
  expect(kept?.at(0)).toBe(secrets[8]);
  expect(kept?.at(-1)).toBe(SECRET);
  expect(await removeWebhook(ops, endpoint)).toMatchObject({ found: true });
});

test('an endpoint that was removed gets no events from a worker that does not know it yet', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  const dispatcher = webhooks.startDispatcher();
  await untilTaken(receiver, await trade(3));
  dispatcher.stop.abort();
  await dispatcher.ended;
  const target = (await webhookTargets(worker)).find((one) => one.endpoint === endpoint);
  if (target === undefined) throw new Error('there is no such endpoint');
  expect(await removeWebhook(ops, endpoint)).toEqual({ found: true, missing: [] });
  const limits = {
    eventsMax: 16,
    leaseMs: 1_000,
    pendingMax: 1_000,
    failingMax: 1_000,
    failed: false,
  };
  expect(await takeWebhooks(worker, 'hot', target, limits)).toEqual([]);
  await trade(1);
  expect(await takeWebhooks(worker, 'hot', target, limits)).toEqual([]);
  expect((await webhookLags(ops)).some((lag) => lag.endpoint === endpoint)).toBe(false);
});
