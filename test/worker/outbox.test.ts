import { expect, test } from 'vitest';
import type { OrderEvent } from '../../contracts/events.ts';
import { publishInOrder } from '../../worker/outbox.ts';
import fc from '../properties.ts';

function event(orderNo: number, eventNo: number): OrderEvent {
  const at = new Date(0);
  return {
    eventNo: String(eventNo),
    kind: 'placed',
    happenedAt: at,
    orderNo: String(orderNo),
    requestId: '',
    sale: 's',
    sku: 'TV',
    userId: 'u',
    units: 1,
    amount: '1.00',
    currency: 'EUR',
    createdAt: at,
    payBefore: at,
  };
}

test('events of one order stay in order, whatever the broker does, and none follows a lost one', async () => {
  const plan = fc.array(fc.record({ orderNo: fc.nat(4), fails: fc.boolean(), turns: fc.nat(5) }));
  await fc.assert(
    fc.asyncProperty(plan, async (steps) => {
      const events = steps.map(({ orderNo }, index) => event(orderNo, index));
      const arrived: OrderEvent[] = [];
      const published = await publishInOrder(events, async (one) => {
        const step = steps[Number(one.eventNo)];
        for (let turn = 0; turn < (step?.turns ?? 0); turn += 1) await Promise.resolve();
        if (step?.fails === true) return false;
        arrived.push(one);
        return true;
      });
      expect(new Set(arrived)).toEqual(published);
      for (const orderNo of new Set(events.map((one) => one.orderNo))) {
        const all = events.filter((one) => one.orderNo === orderNo);
        const firstLost = all.findIndex((one) => steps[Number(one.eventNo)]?.fails);
        const expected = firstLost < 0 ? all : all.slice(0, firstLost);
        expect(arrived.filter((one) => one.orderNo === orderNo)).toEqual(expected);
      }
    }),
  );
});

test('the number of events under way is limited, also for thousands of events', async () => {
  let inFlight = 0;
  let most = 0;
  const events = Array.from({ length: 5_000 }, (_, n) => event(n, n));
  const published = await publishInOrder(events, async () => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    await new Promise((resolve) => setImmediate(resolve));
    inFlight -= 1;
    return true;
  });
  expect(published.size).toBe(5_000);
  expect(most).toBeLessThanOrEqual(256);
});
