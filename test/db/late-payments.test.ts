import { expect, it } from 'vitest';
import {
  expireOrders,
  moveSku,
  orderDetails,
  payOrder,
  setWaitlists,
  unitCounts,
} from '../../db/calls.ts';
import { openSession } from '../../db/client/pool.ts';
import { fenceNode } from '../../db/operations.ts';
import { uniqueName } from '../servers.ts';
import { PATIENCE } from './database.ts';
import { blocked } from './locks.ts';
import { openShop } from './open-shop.ts';
import { byNode, openSale, order, stock } from './shop.ts';

/** A late payment takes a unit only where the waitlist may take one too. */

const { database, worker, web, ops, sale } = await openShop();

async function expired(sku: string, schema: 'hot' | 'regular' = 'hot', units = 1): Promise<string> {
  const orderNo = await order(worker, sku, { units }, schema);
  await database.admin.query({
    text: `UPDATE ${schema}.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [orderNo],
  });
  await expireOrders(worker, schema, 100);
  return orderNo;
}

const free = async (sku: string) =>
  (await unitCounts(worker)).find((count) => count.sku === sku)?.free;

const pay = (orderNo: string) => payOrder(web, orderNo, uniqueName('late'), byNode);

it('a late payment takes a free unit while the SKU is on sale', async () => {
  const sku = await stock(ops, sale, { units: 2 });
  expect(await pay(await expired(sku))).toBe('paid');
  expect(await free(sku)).toBe(1);
});

it('a late payment takes its units although they go into new slots while it waits', async () => {
  const sku = await stock(ops, sale, { units: 4, slots: 2, userLimit: 3 });
  const late = await expired(sku, 'hot', 3);
  const dba = await openSession(database.url, { applicationName: 'dba', ...PATIENCE });
  await dba.run(`BEGIN; SELECT hot.set_slots('${sku}', 4)`);
  const paid = pay(late);
  await blocked(database, 1);
  await dba.run('COMMIT');
  await dba.close();
  expect(await paid).toBe('paid');
  expect(await free(sku)).toBe(1);
});

it('a late payment is given back while operators or the quota forbid sales', async () => {
  const sku = await stock(ops, sale, { units: 2 });
  const late = await expired(sku);
  await setWaitlists(ops, [], [sku]);
  expect(await pay(late)).toBe('refund_due');
  expect(await orderDetails(web, late)).toMatchObject({ status: 'expired' });
  expect(await free(sku)).toBe(2);
});

it('a late payment is given back when the SKU is closed', async () => {
  const sku = await stock(ops, sale, { units: 2 });
  const late = await expired(sku);
  await ops
    .home('hot')
    .query({ text: `SELECT catalog.set_sku_state($1, 'closed')`, values: [sku] });
  expect(await pay(late)).toBe('refund_due');
  expect(await free(sku)).toBe(2);
});

it('a late payment is given back when the sale is over', async () => {
  const ended = await openSale(ops);
  const sku = await stock(ops, ended, { units: 2 });
  const late = await expired(sku);
  await database.admin.query({
    text: 'UPDATE catalog.sale SET closes_at = now() WHERE sale = $1',
    values: [ended],
  });
  expect(await pay(late)).toBe('refund_due');
  expect(await free(sku)).toBe(2);
});

it('a late payment asks the home that the SKU has now', async () => {
  const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
  const [late, later] = [await expired(sku, 'regular'), await expired(sku, 'regular')];
  await moveSku(ops, 'hot', sku);
  await setWaitlists(ops, [], [sku]);
  expect(await pay(late)).toBe('refund_due');
  await setWaitlists(ops, [sku], []);
  expect(await pay(later)).toBe('paid');
  expect(await free(sku)).toBe(1);
});

it('a late payment takes nothing for a caller that does not name the node whose units they are, as older web nodes do not', async () => {
  const sku = await stock(ops, sale, { units: 2 });
  const [late, wrong] = [await expired(sku), await expired(sku)];
  const said = (call: string, orderNo: string) =>
    web.home('hot').query({
      text: `SELECT hot.${call}($1, $2) AS said`,
      values: [orderNo, uniqueName('old')],
    });
  expect(await said('pay_order', late)).toEqual([{ said: 'refund_due' }]);
  expect(await said('refuse_payment', wrong)).toEqual([{ said: 'refund_due' }]);
  expect(await payOrder(web, wrong, uniqueName('late'))).toBe('refund_due');
  expect(await free(sku)).toBe(2);
});

it('a late payment draws again when the node that drew for it is fenced', async () => {
  const sku = await stock(ops, sale, { units: 2 });
  const late = await expired(sku);
  const nodes = [uniqueName('web'), uniqueName('web')];
  await fenceNode(ops, nodes[0] ?? '');
  expect(await payOrder(web, late, uniqueName('late'), async () => nodes.shift())).toBe('paid');
  expect(nodes).toEqual([]);
});
