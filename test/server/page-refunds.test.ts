import { expect, it } from 'vitest';
import { until } from '../until.ts';
import { isReady, pageVisits } from './page-visits.ts';

/** A page that stays open learns what becomes of a paid order. The clock of the browser is the test's. */

const AN_HOUR = '01:00:00';
const at = pageVisits();
const PAID = {
  ...{ orderNo: '7', requestId: '7', sale: 'demo', sku: '42', quantity: 1, amount: '1.00' },
  ...{ currency: 'EUR', status: 'paid', createdAt: new Date().toISOString() },
};
const ENDED = { ...PAID, status: 'cancelled', reason: 'called_off' };
const refund = { amount: '1.00', currency: 'EUR' };

it('learns of a refund and of the end of its sale without a reload, at the cost of a few reads', async () => {
  let order: object = PAID;
  let reads = 0;
  const page = await at.blank('en');
  await page.clock.install();
  await page.route('**/api/v1/orders', (route) => {
    reads += 1;
    return route.fulfill({ json: { orders: [order] } });
  });
  await page.goto(`${at.url}/sales/demo`);
  await isReady(page);
  /** Lets time pass until the order says so, with its answers between. Returns the reads in it. */
  const readsUntil = async (text: string) => {
    const before = reads;
    await until(text, async () => {
      await page.clock.fastForward(1_000);
      return (await page.locator('.order').innerText()).includes(text);
    });
    return reads - before;
  };
  await readsUntil('Thank you');
  await until('the list was read again', async () => {
    await page.clock.fastForward(2_000);
    return reads === 2;
  });

  for (let hour = 0; hour < 5; hour += 1) await page.clock.fastForward(AN_HOUR);
  await page.clock.fastForward(2_000);
  expect(reads).toBe(2);

  // One order is refunded. The shopper comes back to the page.
  order = {
    ...PAID,
    status: 'cancelled',
    reason: 'by_shop',
    refund: { ...refund, status: 'done' },
  };
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  await readsUntil('Your payment was returned to you');
  expect(reads).toBe(3);
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  await page.clock.fastForward(2_000);
  expect(reads).toBe(3);

  // The whole sale is called off, and nobody touches the page.
  order = PAID;
  await page.reload();
  await readsUntil('Thank you');
  await at.callsOff();
  order = { ...ENDED, refund: { ...refund, status: 'due' } };
  expect(await readsUntil('Your payment will be returned to you')).toBeLessThan(5);
  order = { ...ENDED, refund: { ...refund, status: 'done' } };
  expect(await readsUntil('Your payment was returned to you')).toBeLessThan(5);
  const whenDone = reads;
  for (let hour = 0; hour < 5; hour += 1) await page.clock.fastForward(AN_HOUR);
  await page.clock.fastForward(2_000);
  expect(reads).toBe(whenDone);
});
