import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import { audit, expireOrders, moveSku, payOrder, webhookLags } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { byNode, openSale, order, stock } from '../db/shop.ts';
import { carry, startTwoServers, type TwoServers } from '../db/two-servers.ts';
import { until } from '../until.ts';
import { lives } from './receiver.ts';
import { untilTaken, Webhooks } from './webhook-dispatcher.ts';

/**
 * The endpoints are on the server of regular. The log of hot, and the endpoints' positions in it,
 * are on another server.
 */

let servers: TwoServers;
let worker: Databases;
let ops: Databases;
let webhooks: Webhooks;

beforeAll(async () => {
  servers = await startTwoServers();
  worker = servers.as('worker', 8);
  ops = servers.as('ops');
  webhooks = new Webhooks(worker, ops);
});
afterEach(() => webhooks.end());
afterAll(() => servers?.remove());

const publish = () => Promise.all(SCHEMAS.map((schema) => webhooks.publish(schema)));

test('events of both servers arrive in order for each order, while a SKU moves and while one server is away', async () => {
  const { receiver, endpoint } = await webhooks.merchant();
  webhooks.startDispatcher();
  webhooks.startDispatcher();
  let asked = 0;
  receiver.answer = () => {
    asked += 1;
    return asked % 4 === 0 ? 503 : 200;
  };
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 100, schema: 'regular' });
  const trade = async (schema: Schema) => {
    const numbers: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const orderNo = await order(worker, sku, {}, schema);
      await publish();
      await payOrder(worker, orderNo, `w-${orderNo}`);
      numbers.push(orderNo);
    }
    await publish();
    return numbers;
  };
  const numbers = await trade('regular');
  // Ordered here, expired, and paid late with a unit from the SKU's later home.
  const late = await order(worker, sku, {}, 'regular');
  await moveSku(ops, 'hot', sku);
  await servers.admin.regular.query({
    text: `UPDATE regular.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [late],
  });
  await expireOrders(worker, 'regular', 10);
  await carry(worker);
  let paid = false;
  const paying = payOrder(servers.as('web', 1), late, 'late', byNode).finally(() => (paid = true));
  while (!paid) await carry(worker);
  expect(await paying).toBe('paid');
  numbers.push(late, ...(await trade('hot')));
  await untilTaken(receiver, numbers);

  const next = await stock(ops, sale, { units: 20, schema: 'regular' });
  servers.second.stopImmediately();
  const here = await order(worker, next, {}, 'regular');
  await until('it is paid', () => payOrder(worker, here, `w-${here}`));
  await webhooks.publish('regular');
  await untilTaken(receiver, [here]);
  const away = await until('it is back', () => order(worker, sku).catch(() => undefined));
  await until('it is paid', () => payOrder(worker, away, `w-${away}`));
  await publish();
  await untilTaken(receiver, [away]);
  expect(lives(receiver.taken).size).toBe(numbers.length + 2);
  expect(receiver.forged).toBe(0);
  await until('nothing is behind, on either server', async () => {
    const lags = (await webhookLags(ops)).filter((lag) => lag.endpoint === endpoint);
    expect(lags.map(({ pending, unread }) => [pending, unread])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    return true;
  });
  expect(await audit(ops)).toEqual([]);
});
