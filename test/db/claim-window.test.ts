import { expect, test } from 'vitest';
import {
  cancelOrder,
  joinWaitlist,
  orderDetails,
  setClaimWindow,
  waitlistEntries,
} from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { openSale, order, stock } from './shop.ts';

/** How long a shopper of the waitlist has to pay: long enough for somebody who is not looking. */

const { worker, web, ops } = await openShop();
const HOUR = 3_600;
const ME = { by: 'ann@office', reason: 'shoppers are told by e-mail' };

/** Seconds to pay of a claim in a sale that closes after `closesInS`. */
async function claimS(claimWindowS: number | undefined, closesInS: number, payWindowSeconds = 900) {
  const sale = await openSale(ops, { closesInMs: closesInS * 1_000, payWindowSeconds });
  await setClaimWindow(ops, sale, claimWindowS, ME);
  const sku = await stock(ops, sale, { units: 1 });
  const [owner, waiting] = [uniqueName('user'), uniqueName('user')];
  const orderNo = await order(worker, sku, { userId: owner });
  expect(await joinWaitlist(web, 'hot', { sku, userId: waiting, units: 1 })).toBe('waiting');
  expect(await cancelOrder(web, orderNo, owner)).toBe('cancelled');
  const [entry] = await waitlistEntries(web, [{ sku, userId: waiting }]);
  const claim = await orderDetails(web, entry?.order?.orderNo ?? '');
  if (claim === undefined) throw new Error('nothing is held');
  return Math.round((claim.payBefore.getTime() - claim.createdAt.getTime()) / 1_000);
}

test.each([
  ['is the tunable without one', undefined, 10 * HOUR, 900, 300],
  ['is the pay window where that is shorter', undefined, 10 * HOUR, 60, 60],
  ['is longer than both where the sale says so', 2 * HOUR, 10 * HOUR, 900, 2 * HOUR],
  ['is shorter where the sale says so', 30, 10 * HOUR, 900, 30],
  ['is never shorter than without one because the sale closes', 2 * HOUR, 100, 900, 300],
])('the time to pay for a claim %s', async (_, claimWindowS, closesInS, payWindowS, expected) => {
  expect(await claimS(claimWindowS, closesInS, payWindowS)).toBe(expected);
});

test('a long claim ends when the sale closes', async () => {
  const seconds = await claimS(2 * HOUR, HOUR);
  expect(seconds).toBeLessThanOrEqual(HOUR);
  expect(seconds).toBeGreaterThan(300);
});

test('a change is recorded once, with who made it; an odd one is refused', async () => {
  const sale = await openSale(ops);
  await setClaimWindow(ops, sale, HOUR, ME);
  await setClaimWindow(ops, sale, HOUR, ME);
  const actions = await ops.regular.query<{ action: string; acted_by: string; reason: string }>({
    text: `SELECT * FROM catalog.actions($1) WHERE action = 'change'`,
    values: [sale],
  });
  expect(actions).toMatchObject([{ action: 'change', acted_by: ME.by, reason: ME.reason }]);
  await expect(setClaimWindow(ops, sale, 0, ME)).rejects.toMatchObject({ sqlstate: '23514' });
  await expect(setClaimWindow(ops, 'none', 5, ME)).rejects.toMatchObject({ sqlstate: 'FS002' });
});
