import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAILY_UNITS } from '../../../contracts/goods.ts';
import {
  actionsOn,
  callOffOrders,
  callOffSale,
  callOffState,
  endRefund,
  expireOrders,
  joinWaitlist,
  moveSku,
  orderDetails,
  payOrder,
  placeOrders,
  saleBoard,
  takeRefunds,
  waitlistEntries,
} from '../../../db/calls.ts';
import { Databases, type Pool } from '../../../db/client/pool.ts';
import { applySale, planOf } from '../../../ops/sale/apply.ts';
import { type CallOffProgress, callOff } from '../../../ops/sale/call-off.ts';
import type { DesiredSale, DesiredSku } from '../../../ops/sale/desired.ts';
import { extendSale, openSale, restockSku } from '../../../ops/sale/life.ts';
import { SALES_LOCK } from '../../../ops/sale/place.ts';
import { ZkSession } from '../../../zk/client/session.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { blocked, holdSlots } from '../../db/locks.ts';
import { byNode, order, request, requests, stock } from '../../db/shop.ts';
import { carry, openTwoServers } from '../../db/two-servers.ts';
import { servers, uniqueName, uniqueZkRoot } from '../../servers.ts';
import { until } from '../../until.ts';

/** Calling sales off, with the homes on two servers. The books must balance afterwards. */

const two = await openTwoServers();
const { worker, ops } = two;
const web = two.servers.as('web');
const DOER = { by: 'meg@shop', reason: 'The lorry burnt down' };
const HOUR_MS = 3_600_000;
const run = promisify(execFile);
const root = uniqueZkRoot();
const paths = pathsBelow(root);
let session: ZkSession;

beforeAll(async () => {
  session = new ZkSession({ servers: servers.zookeeper, sessionTimeoutMs: 8_000 });
  session.start();
  await session.connected(300_000);
});
afterAll(() => session.close());

/** A sale with a SKU in each home. */
async function putOn({ units = 10, opensInMs = -HOUR_MS } = {}) {
  const sale = uniqueName('sale');
  const skus = { regular: uniqueName('sku'), hot: uniqueName('sku') };
  const now = Date.now();
  const terms = { title: 'A thing', price: '9.95', currency: 'EUR', userLimit: 5, units };
  const file: DesiredSale = {
    sale,
    title: 'A sale',
    opens: { at: new Date(now + opensInMs) },
    closes: { at: new Date(now + HOUR_MS * 2) },
    payWindowSeconds: 900,
    skus: [
      { ...terms, sku: skus.regular, schema: 'regular' },
      { ...terms, sku: skus.hot, schema: 'hot' },
    ],
  };
  await applySale({ databases: ops, session, root }, file, { actor: { by: 'test' } });
  return { sale, skus, file };
}

// The console has fewer rights than the commands, and they must suffice.
const merchant = two.servers.as('console');
const place = () => ({ databases: merchant, session, paths });
const state = async (sku: string) => {
  const read = await session.get(paths.sku(sku).state);
  return read.ok ? read.value.text : read.error;
};

/** Runs the command against the two servers, and returns what it prints. */
async function flashsale(...args: string[]): Promise<string> {
  const { regular, hot } = two.servers.urls;
  const databases = { DATABASE_URL: regular, HOT_DATABASE_URL: hot };
  const env = { ...PROGRAM_ENVIRONMENT, ...databases, ZOOKEEPER: servers.zookeeper, ZK_ROOT: root };
  return (await run(process.execPath, ['ops/cli.ts', 'sale', ...args], { env })).stdout;
}

describe('a sale that is called off', () => {
  it('sells nothing any more, ends every order in both homes, and says what waits', async () => {
    const { sale, skus } = await putOn();
    const unpaid = await order(worker, skus.hot);
    const paid = await order(worker, skus.regular, {}, 'regular');
    await payOrder(web, paid, `pay:${paid}`);
    const wait = { sku: skus.hot, userId: 'wim', units: 1 };
    await placeOrders(worker, 'hot', skus.hot, [request({ units: 5 }), request({ units: 4 })]);
    expect(await joinWaitlist(web, 'hot', wait)).toBe('waiting');
    const seen: CallOffProgress[] = [];

    const result = await callOff(place(), sale, DOER, (progress) => seen.push({ ...progress }));
    expect(result).toMatchObject({
      isNew: true,
      orders: 4,
      units: 11,
      refunds: 1,
      isComplete: false,
      state: { unpaid: 0, paid: 0, cancelled: 4, refundsDue: 1, refundsDone: 0 },
    });
    expect(seen.at(-1)).toMatchObject({ orders: 4, refunds: 1 });
    expect(await Promise.all([state(skus.hot), state(skus.regular)])).toEqual(['closed', 'closed']);
    for (const orderNo of [unpaid, paid]) {
      const ended = { status: 'cancelled', reason: 'called_off' };
      expect(await orderDetails(web, orderNo)).toMatchObject(ended);
    }
    expect(await waitlistEntries(web, [wait])).toMatchObject([{ state: 'closed' }]);
    for (const schema of ['regular', 'hot'] as const) {
      const [late] = await placeOrders(worker, schema, skus[schema], [request()]);
      expect(late).toMatchObject({ status: 'closed' });
    }
    const board = (await saleBoard(web)).sales.find((one) => one.sale === sale);
    expect(board).toMatchObject({ isCalledOff: true });
    const actions = (await actionsOn(ops, { sale })).rows;
    expect(actions.filter(({ action }) => action === 'call_off')).toMatchObject(
      [1, 2].map(() => ({ ...DOER, target: sale })),
    );

    // The money goes back, and the next call says that nothing is left.
    const taken = await takeRefunds(worker, 'regular', `pay:${paid}`, 10);
    expect(taken).toHaveLength(1);
    await endRefund(worker, 'regular', `pay:${paid}`, { refundRef: 're_1' });
    const again = await flashsale('call-off', sale, '--reason', DOER.reason, '--json');
    expect(JSON.parse(again)).toMatchObject({ isNew: false, orders: 0, isComplete: true });
  });

  it('ends with goods of every kind: seats are free again, packets and days stay taken', async () => {
    const one = { price: '0', userLimit: 1 };
    const { sale, skus } = await putOn();
    const [daily, pot, seats] = await Promise.all([
      stock(ops, sale, { ...one, schema: 'regular', zone: 'Europe/Berlin', units: DAILY_UNITS }),
      stock(ops, sale, {
        ...one,
        units: 3,
        pot: { amount: '3.00', packets: 3, division: 'equal' },
      }),
      stock(ops, sale, {
        ...{ units: 4, userLimit: 2 },
        section: { seats: [{ row: '1', from: 1, to: 4 }], singles: 'avoid' },
      }),
    ]);
    const had = [
      await order(worker, daily, {}, 'regular'),
      await order(worker, pot),
      await order(worker, seats, { units: 2 }),
      await order(worker, seats),
      await order(worker, skus.hot),
    ];
    await payOrder(web, had[3] ?? '', uniqueName('pay'), byNode);
    const result = await callOff(place(), sale, DOER);
    expect(result).toMatchObject({ orders: 5, units: 6, refunds: 1, state: { cancelled: 5 } });
    const units = await two.servers.admin.home('hot').query<{ sku: string; free: string }>({
      text: `SELECT sku, count(*) FILTER (WHERE order_no IS NULL) AS free FROM hot.unit
             WHERE sku = ANY ($1) GROUP BY sku`,
      values: [[pot, seats]],
    });
    expect(new Map(units.map(({ sku, free }) => [sku, Number(free)]))).toEqual(
      new Map([
        [pot, 2],
        [seats, 4],
      ]),
    );
    for (const orderNo of had) {
      expect(await orderDetails(web, orderNo)).toMatchObject({ status: 'cancelled' });
    }
  });

  it('stays closed: no SKU of it opens again, arrives open, or is added', async () => {
    const { sale, skus } = await putOn();
    await callOff(place(), sale, DOER);
    const pool = ops.home('hot');
    const open = pool.query({
      text: `SELECT catalog.set_sku_state($1, 'open')`,
      values: [skus.hot],
    });
    await expect(open).rejects.toMatchObject({ sqlstate: 'FS004' });
    const more = pool.query({
      text: `SELECT catalog.create_sku($1, $2, 'hot', 'x', 1, 'EUR', 1, 1)`,
      values: [uniqueName('sku'), sale],
    });
    await expect(more).rejects.toMatchObject({ sqlstate: 'FS004' });
    await moveSku(ops, 'hot', skus.regular);
    const [late] = await placeOrders(worker, 'hot', skus.regular, [request()]);
    expect(late).toMatchObject({ status: 'closed' });
  });

  it('keeps a SKU closed that was on its way to the server that heard of it first', async () => {
    const { sale, skus } = await putOn();
    const sku = skus.hot;
    // The SKU leaves the server of hot while only that of regular knows.
    await two.servers.admin.regular.query({
      text: 'SELECT catalog.call_off_sale($1, $2, $3)',
      values: [sale, DOER.by, DOER.reason],
    });
    await moveSku(ops, 'regular', sku);
    const [late] = await placeOrders(worker, 'regular', sku, [request()]);
    expect(late).toMatchObject({ status: 'closed' });
    await callOff(place(), sale, DOER);
  });

  it('stays as it is: no file, no opening, no later end and no units change it', async () => {
    const { sale, skus, file } = await putOn();
    await callOff(place(), sale, DOER);
    const all = { databases: ops, session, root };
    const sku = { ...file.skus[0], sku: uniqueName('sku') } as DesiredSku;
    const plan = await planOf(all, { ...file, title: 'Again', skus: [...file.skus, sku] });
    expect([plan.changes, plan.steps]).toEqual([[], []]);
    expect(plan.refused.map(({ target }) => target)).toEqual(
      expect.arrayContaining([sale, sku.sku]),
    );
    expect(new Set(plan.refused.map(({ reason }) => reason))).toEqual(
      new Set(['the sale was called off: its orders are cancelled, and it stays closed']),
    );
    const changes = [
      openSale(all, sale, DOER),
      extendSale(all, sale, (at) => new Date(at.getTime() + HOUR_MS), DOER),
      restockSku(all, skus.hot, 5, DOER),
    ];
    for (const change of await Promise.allSettled(changes)) {
      expect(change).toMatchObject({ status: 'rejected', reason: { name: 'ChangeRefused' } });
    }
  });

  it('is called off while no other command changes sales', async () => {
    const { sale } = await putOn();
    const held: unknown[] = [];
    const regular: Pool = {
      ...ops.regular,
      query: async (statement) => {
        if (statement.text.includes('call_off_sale')) {
          // Other databases of the same server have locks of the same number.
          const text = `SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
            WHERE locktype = 'advisory' AND objid = $1 AND datname = current_database()`;
          held.push(...(await two.servers.admin.regular.query({ text, values: [SALES_LOCK] })));
        }
        return ops.regular.query(statement) as never;
      },
    };
    await callOff(
      { ...place(), databases: new Databases({ regular, hot: ops.home('hot') }) },
      sale,
      DOER,
    );
    expect(held).toHaveLength(1);
  });

  it('before it opens is closed, and is not shown as coming', async () => {
    const { sale } = await putOn({ opensInMs: HOUR_MS });
    expect(await callOff(place(), sale, DOER)).toMatchObject({ orders: 0, isComplete: true });
    const none = callOff(place(), 'no-such-sale', DOER);
    await expect(none).rejects.toMatchObject({ sqlstate: 'FS002' });
  });
});

describe('calling off', () => {
  it('goes on after an interruption at any batch', async () => {
    const { sale, skus } = await putOn({ units: 1_300 });
    const batch = requests(600);
    await placeOrders(worker, 'hot', skus.hot, batch.slice(0, 300));
    await placeOrders(worker, 'hot', skus.hot, batch.slice(300));
    await placeOrders(worker, 'regular', skus.regular, requests(300));
    let batches = 0;
    const stops = [0, 1];
    for (const stop of stops) {
      const interrupted = callOff(place(), sale, DOER, () => {
        if (batches === stop) throw new Error('killed');
        batches += 1;
      });
      await expect(interrupted).rejects.toThrow('killed');
    }
    const result = await callOff(place(), sale, DOER);
    expect(result).toMatchObject({ isNew: false, isComplete: true, state: { cancelled: 900 } });
    const limits = { after: '0', limit: 10 };
    expect(await callOffOrders(ops, 'hot', sale, 'ordered', limits)).toBeUndefined();
    const open = callOffOrders(ops, 'hot', two.sale, 'ordered', limits);
    await expect(open).rejects.toMatchObject({ sqlstate: 'FS004' });
  });

  it('waits for requests that are being decided, and cancels their orders as well', async () => {
    const { sale, skus } = await putOn();
    const hot = { url: two.servers.urls.hot, admin: two.servers.admin.home('hot') };
    // A batch that waits for the slots stands in for a slow batch.
    const holder = await holdSlots(hot, skus.hot);
    const slow = placeOrders(worker, 'hot', skus.hot, [request()], { wait: true });
    await blocked(hot, 1);
    const off = callOff(place(), sale, DOER);
    await Promise.race([blocked(hot, 2), off]);
    await holder.release();
    expect(await slow).toMatchObject([{ status: 'ordered' }]);
    expect(await off).toMatchObject({ isComplete: true, state: { cancelled: 1 } });
  });

  it('leaves nothing behind beside purchases, payments, expiry and a second call of itself', async () => {
    const { sale, skus } = await putOn({ units: 400 });
    const orders: string[] = [];
    const buy = async (schema: 'regular' | 'hot') => {
      for (let round = 0; round < 30; round += 1) {
        const said = await placeOrders(worker, schema, skus[schema], requests(10));
        const placed = said.flatMap(({ orderNo }) => orderNo ?? []);
        orders.push(...placed);
        if (said.some(({ status }) => status === 'closed')) return;
      }
    };
    const pay = async () => {
      for (let paid = 0; paid < 150; paid += 1) {
        const orderNo = orders[paid % Math.max(1, orders.length)];
        if (orderNo !== undefined) await payOrder(web, orderNo, `at-once:${orderNo}`, byNode);
        else await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const expire = async () => {
      for (const schema of ['regular', 'hot'] as const) {
        await two.servers.admin.home(schema).query({
          text: `UPDATE ${schema}.orders SET pay_before = now() WHERE sale = $1 AND order_no % 10 < 2`,
          values: [sale],
        });
        await expireOrders(worker, schema, 1_000);
      }
    };
    await Promise.all([
      buy('regular'),
      buy('hot'),
      pay(),
      expire(),
      callOff(place(), sale, DOER),
      callOff(place(), sale, DOER),
    ]);
    await carry(worker);
    const last = await callOff(place(), sale, DOER);
    expect(last.state).toMatchObject({ unpaid: 0, paid: 0, transfers: 0 });
    // Every payment goes back, also one that came for an order that had expired.
    const text = (schema: string) =>
      `SELECT count(*) FILTER (WHERE result = 'paid')::int AS kept FROM ${schema}.payment
       WHERE sale = $1`;
    for (const schema of ['regular', 'hot'] as const) {
      const kept = await two.servers.admin
        .home(schema)
        .query({ text: text(schema), values: [sale] });
      expect(kept).toEqual([{ kept: 0 }]);
    }
  });

  /** An expired order of regular that is being paid. The other server lends the units, and nobody carries them yet. */
  async function payLate({ sale, skus }: Awaited<ReturnType<typeof putOn>>) {
    const orderNo = await order(worker, skus.regular, {}, 'regular');
    await two.servers.admin.regular.query({
      text: `UPDATE regular.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
      values: [orderNo],
    });
    await expireOrders(worker, 'regular', 1_000);
    await moveSku(ops, 'hot', skus.regular);
    await carry(worker);
    const paying = payOrder(web, orderNo, `lent:${orderNo}`, byNode);
    await until('lent', async () => (await callOffState(ops, sale)).transfers === 1);
    return { orderNo, paying };
  }

  it('waits for a late payment whose units are on their way between the servers', async () => {
    const putUp = await putOn();
    const { sale } = putUp;
    const { orderNo, paying } = await payLate(putUp);
    await callOffSale(ops, sale, DOER);
    expect(await callOffState(ops, sale)).toMatchObject({ transfers: 1, paid: 0 });
    const calling = callOff(place(), sale, DOER);
    await carry(worker);
    expect(await paying).toMatch(/^(paid|refund_due)$/);
    const result = await calling;
    expect(result).toMatchObject({ refunds: 1, state: { refundsDue: 1, transfers: 0 } });
    expect(await orderDetails(web, orderNo)).toMatchObject({
      status: 'cancelled',
      reason: 'called_off',
    });
    await carry(worker);
  });

  it('finds a late payment that arrives while it asks one server after the other', async () => {
    const putUp = await putOn();
    const { sale } = putUp;
    const { orderNo, paying } = await payLate(putUp);
    // The first look sees regular before the payment has arrived there, and the other server when it has gone.
    const regularLooked = Promise.withResolvers<void>();
    const looking = (pool: Pool, look: (ask: () => Promise<unknown>) => Promise<unknown>): Pool => {
      let isFirst = true;
      return {
        ...pool,
        async query(statement) {
          const isLook = isFirst && /call_off_state/.test(statement.text);
          if (!isLook) return pool.query(statement);
          isFirst = false;
          return (await look(() => pool.query(statement))) as never;
        },
      };
    };
    const databases = new Databases({
      regular: looking(merchant.regular, async (ask) => {
        const rows = await ask();
        regularLooked.resolve();
        return rows;
      }),
      hot: looking(merchant.home('hot'), async (ask) => {
        await regularLooked.promise;
        await carry(worker);
        return ask();
      }),
    });
    const result = await callOff({ ...place(), databases }, sale, DOER);
    await paying;
    expect(result).toMatchObject({ refunds: 1, state: { paid: 0, refundsDue: 1, transfers: 0 } });
    expect((await orderDetails(web, orderNo))?.status).toBe('cancelled');
    await carry(worker);
  });
});
