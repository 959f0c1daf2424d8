import { describe, expect, it } from 'vitest';
import { expireOrders, orderDetails } from '../../db/calls.ts';
import { DatabaseError } from '../../db/errors.ts';
import type { Databases, Statement } from '../../db/pool.ts';
import { createLog } from '../../process/log.ts';
import { Cashier } from '../../server/cashier.ts';
import { openShop } from '../db/open-shop.ts';
import { order, stock } from '../db/shop.ts';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';

/** Late payments draw their units from the node's grant, on a real database. */

const { database, worker, web, ops, sale } = await openShop();

/** An order that has expired; two units are free. */
async function late() {
  const sku = await stock(ops, sale, { units: 2 });
  const orderNo = await order(worker, sku);
  await database.admin.query({
    text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [orderNo],
  });
  await expireOrders(worker, 'hot', 100);
  const found = await orderDetails(web, orderNo);
  if (found === undefined) throw new Error('it is gone');
  return found;
}

/** A node with so many units to spend, and what it counts. */
function open(spare: number | 'cut off', databases: Databases = web) {
  const stopping = new AbortController();
  const counts = { spare, drawn: 0, decided: 0 };
  const agent = {
    draw(_sku: string, units: number) {
      if (counts.spare === 'cut off') {
        return { drawn: false, verdict: 'quota_unavailable' } as const;
      }
      if (counts.spare < units) return { drawn: false, verdict: 'quota_spent' } as const;
      counts.spare -= units;
      counts.drawn += units;
      return { drawn: true, node: 'web-1', units } as const;
    },
    decide: (_node: string, _sku: string, units: number) => {
      counts.decided += units;
    },
    trusted: () => true,
  };
  const log = createLog('test', 'silent');
  const cashier = new Cashier({ databases, agent, log, stopping: stopping.signal });
  return { cashier, counts, stopping };
}

const reference = () => uniqueName('ref');

describe('a late payment', () => {
  it('takes units that this node has a right to', async () => {
    const { cashier, counts } = open(3);
    expect(await cashier.pay(await late(), reference())).toBe('paid');
    expect(counts).toEqual({ spare: 2, drawn: 1, decided: 1 });
  });

  it('goes back when there is no right to any, and waits a moment for one', async () => {
    const { cashier } = open(0);
    expect(await cashier.pay(await late(), reference())).toBe('refund_due');
    const other = open(0);
    const paying = other.cashier.pay(await late(), reference());
    other.counts.spare = 1;
    expect(await paying).toBe('paid');
  });

  it('ends its draw when the database gives it nothing', async () => {
    const { cashier, counts } = open(3);
    const order = await late();
    await ops.hot.query({
      text: `SELECT catalog.set_sku_state($1, 'closed')`,
      values: [order.sku],
    });
    expect(await cashier.pay(order, reference())).toBe('refund_due');
    expect(counts).toEqual({ spare: 2, drawn: 1, decided: 1 });
  });

  it('is not booked by a node that cannot tell, or that stops', async () => {
    const order = await late();
    const paid = reference();
    await expect(open('cut off').cashier.pay(order, paid)).rejects.toMatchObject({
      verdict: 'quota_unavailable',
    });
    const ending = open(0);
    ending.stopping.abort();
    await expect(ending.cashier.pay(order, paid)).rejects.toMatchObject({ verdict: 'overloaded' });
    expect(await open(1).cashier.pay(order, paid)).toBe('paid');
  });

  it('keeps its units until it is known what became of it', async () => {
    let lost = 0;
    const query = async <Row extends Record<string, unknown>>(statement: Statement) => {
      const rows = await web.hot.query<Row>(statement);
      if (statement.values?.[2] !== true || lost > 0) return rows;
      lost += 1;
      throw new DatabaseError('retry', 'the answer was lost');
    };
    const pool = { ...web.hot, query };
    const { cashier, counts } = open(1, { regular: pool, hot: pool });
    const order = await late();
    await expect(cashier.pay(order, reference())).rejects.toMatchObject({ kind: 'retry' });
    expect(counts).toMatchObject({ drawn: 1, decided: 0 });
    await until('it is known', async () => counts.decided === 1);
    expect(await orderDetails(web, order.orderNo)).toMatchObject({ status: 'paid', refund: null });
  });

  it('draws nothing for an order that is in time, or booked already', async () => {
    const { cashier, counts } = open(5);
    const orderNo = await order(worker, await stock(ops, sale, { units: 1 }));
    const found = await orderDetails(web, orderNo);
    if (found === undefined) throw new Error('it is gone');
    const paid = reference();
    expect(await cashier.pay(found, paid)).toBe('paid');
    expect(await cashier.pay(found, paid)).toBe('paid');
    expect(await cashier.pay(found, reference())).toBe('refund_due');
    expect(counts).toMatchObject({ drawn: 0, decided: 0 });
  });
});
