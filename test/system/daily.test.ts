import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAILY_UNITS, dayIn } from '../../contracts/goods.ts';
import { audit } from '../../db/operations.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';

/** Daily goods, from the press to the streak, over two web nodes and through killed workers. */

const ZONE = 'Europe/Berlin';

let system: System;
let sale: string;

beforeAll(async () => {
  system = await startSystem();
  const terms = { zone: ZONE, price: '0', userLimit: 1 };
  sale = await system.createSale([{ sku: 'SignIn', units: DAILY_UNITS, ...terms }]);
});
afterAll(() => system?.stop());

const shopper = () => new Shopper(system.url, system.jwtSecret);
const today = (one: Shopper) =>
  one.callUntilAnswered('GET', `/api/v1/sales/${sale}/skus/SignIn/today`);

it('each user gets one unit, however often and wherever they press while a worker is killed', async () => {
  const crowd = Array.from({ length: 40 }, shopper);
  const buying = crowd.map((one) =>
    Promise.all(Array.from({ length: 3 }, () => one.buy(sale, 'SignIn'))),
  );
  await sleep(300);
  await system.kill('worker-1');
  await system.restart('worker-1');
  for (const said of await Promise.all(buying)) {
    const statuses = said.map(({ body }) => body.status).sort();
    expect(statuses).toEqual(['limit_reached', 'limit_reached', 'paid']);
  }
  const day = dayIn(ZONE, new Date());
  for (const one of crowd.slice(0, 5)) {
    expect((await today(one)).body).toEqual({ day, done: true, streak: 1 });
    const { orders } = (await one.call('GET', '/api/v1/orders')).body;
    expect(orders).toHaveLength(1);
  }
  expect((await today(shopper())).body).toEqual({ day, done: false, streak: 0 });
  expect(await audit(system.databases)).toEqual([]);
});

it('who has today is answered from memory', async () => {
  const ada = shopper();
  await ada.buy(sale, 'SignIn');
  // Connections go to one node or the other, so that both know.
  for (let n = 0; n < 12; n += 1) expect((await today(ada)).body.done).toBe(true);
  const admin = system.databases.regular;
  await admin.query({ text: 'ALTER FUNCTION hot.days_of RENAME TO gone' });
  for (let n = 0; n < 12; n += 1) expect((await today(ada)).body.done).toBe(true);
  expect((await shopper().call('GET', `/api/v1/sales/${sale}/skus/SignIn/today`)).status).toBe(503);
  await admin.query({ text: 'ALTER FUNCTION hot.gone RENAME TO days_of' });
});

it('the sale says what it sells, and only daily goods have days', async () => {
  const { skus } = (await shopper().call('GET', `/api/v1/sales/${sale}`)).body;
  expect(skus[0]).toMatchObject({ goods: 'daily', zone: ZONE, availability: 'plenty' });
  const other = await shopper().call('GET', `/api/v1/sales/${sale}/skus/Phone/today`);
  expect(other.status).toBe(404);
});
