import { describe, expect, it } from 'vitest';
import { expireOrders, orderDetails, unitCounts } from '../../../db/calls.ts';
import { DatabaseError } from '../../../db/client/errors.ts';
import { Databases, type Statement } from '../../../db/client/pool.ts';
import { fenceNode } from '../../../db/operations.ts';
import { createLog } from '../../../process/log.ts';
import { Cashier } from '../../../server/orders/cashier.ts';
import { openShop } from '../../db/open-shop.ts';
import { order, stock } from '../../db/shop.ts';
import { uniqueName } from '../../servers.ts';
import { until } from '../../until.ts';

/** Late payments draw their units from the node's grant. Uses a real database. */

const { database, worker, web, ops, sale } = await openShop();

/** An expired order of a SKU with two free units. */
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

/** A cashier of a node that can spend this many units, and a count of its draws. */
function open(spare: number | 'cut off', databases: Databases = web) {
  const stopping = new AbortController();
  const node = uniqueName('web');
  const counts = { spare, wanted: 0, drawn: 0, decided: 0, isTrusted: true };
  const agent = {
    draw(_sku: string, units: number, _least: number, isRepeat: boolean) {
      if (!isRepeat) counts.wanted += units;
      if (counts.spare === 'cut off' || !counts.isTrusted) {
        return { drawn: false, verdict: 'quota_unavailable' } as const;
      }
      if (counts.spare < units) return { drawn: false, verdict: 'quota_spent' } as const;
      counts.spare -= units;
      counts.drawn += units;
      return { drawn: true, node, units } as const;
    },
    decide: (_node: string, _sku: string, units: number) => {
      counts.decided += units;
    },
    trusted: () => counts.isTrusted,
  };
  const log = createLog('test', 'silent');
  const cashier = new Cashier({ databases, agent, log, stopping: stopping.signal });
  return { cashier, counts, node, stopping };
}

const reference = () => uniqueName('ref');

describe('a late payment', () => {
  it("takes units from the node's grant", async () => {
    const { cashier, counts } = open(3);
    expect(await cashier.pay(await late(), reference())).toBe('paid');
    expect(counts).toMatchObject({ spare: 2, drawn: 1, decided: 1 });
  });

  it('waits a moment for units, and is refunded when the grant has none', async () => {
    const { cashier, counts } = open(0);
    expect(await cashier.pay(await late(), reference())).toBe('refund_due');
    expect(counts.wanted).toBe(1);
    const other = open(0);
    const paying = other.cashier.pay(await late(), reference());
    other.counts.spare = 1;
    expect(await paying).toBe('paid');
  });

  it('ends its draw when the database gives it no units', async () => {
    const { cashier, counts } = open(3);
    const order = await late();
    await ops.home('hot').query({
      text: `SELECT catalog.set_sku_state($1, 'closed')`,
      values: [order.sku],
    });
    expect(await cashier.pay(order, reference())).toBe('refund_due');
    expect(counts).toMatchObject({ spare: 2, drawn: 1, decided: 1 });
  });

  it('is not recorded by a node that is cut off or stops', async () => {
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

  it('keeps its units drawn until its result is known', async () => {
    let lost = 0;
    const query = async <Row extends Record<string, unknown>>(statement: Statement) => {
      const rows = await web.home('hot').query<Row>(statement);
      if (!statement.values?.[2] || lost > 0) return rows;
      lost += 1;
      throw new DatabaseError('retry', 'the answer was lost');
    };
    const pool = { ...web.home('hot'), query };
    const { cashier, counts } = open(1, Databases.ofOne(pool));
    const order = await late();
    await expect(cashier.pay(order, reference())).rejects.toMatchObject({ kind: 'retry' });
    expect(counts).toMatchObject({ drawn: 1, decided: 0 });
    await until('it is known', async () => counts.decided === 1);
    expect(await orderDetails(web, order.orderNo)).toMatchObject({ status: 'paid', refund: null });
  });

  it('gives its units back at once when the database keeps refusing it', async () => {
    const order = await late();
    await database.admin.query({
      text: `CREATE OR REPLACE FUNCTION hot.broken() RETURNS trigger LANGUAGE plpgsql AS
               $$BEGIN RAISE 'broken' USING ERRCODE = 'FS500'; END$$;
             CREATE TRIGGER broken BEFORE UPDATE ON hot.orders FOR EACH ROW
               WHEN (NEW.order_no = ${order.orderNo}) EXECUTE FUNCTION hot.broken()`,
    });
    const { cashier, counts } = open(1);
    const paid = reference();
    await expect(cashier.pay(order, paid)).rejects.toMatchObject({ sqlstate: 'FS500' });
    expect(counts).toMatchObject({ drawn: 1, decided: 1 });
    await database.admin.query({ text: 'DROP TRIGGER broken ON hot.orders' });
    expect(await open(1).cashier.pay(order, paid)).toBe('paid');
  });

  it('takes nothing after its node was fenced, because others have sold its units', async () => {
    const found = await late();
    const stopped = { fence: async () => {} };
    const query = async <Row extends Record<string, unknown>>(statement: Statement) => {
      if (statement.values?.[2]) await stopped.fence();
      return web.home('hot').query<Row>(statement);
    };
    const pool = { ...web.home('hot'), query };
    const { cashier, counts, node } = open(1, Databases.ofOne(pool));
    // The process hangs: its session ends, and the keeper gives its unit to another node.
    stopped.fence = async () => {
      counts.isTrusted = false;
      await fenceNode(ops, node);
      await order(worker, found.sku, { node: uniqueName('web') });
    };
    await expect(cashier.pay(found, reference())).rejects.toMatchObject({
      verdict: 'quota_unavailable',
    });
    const held = (await unitCounts(worker)).find(({ sku }) => sku === found.sku);
    expect(held).toMatchObject({ unitsTotal: 2, free: 1 });
    expect(await orderDetails(web, found.orderNo)).toMatchObject({
      status: 'expired',
      refund: null,
    });
  });

  it('draws nothing for an order that is in time or paid already', async () => {
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
