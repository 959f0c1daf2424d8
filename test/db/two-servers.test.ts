import { describe, expect, it } from 'vitest';
import { newRehearsal, skuOfRehearsal } from '../../contracts/rehearsal.ts';
import {
  cancelOrder,
  createSale,
  createSku,
  dropSale,
  expireOrders,
  fenceNode,
  isDroppedPayment,
  moveSku,
  nodeFenced,
  orderDetails,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  refusePayment,
  refuseRequests,
  requestOutcomes,
  restock,
  saleBoard,
  setSlots,
  ticketKey,
  userOrders,
} from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { removeRehearsal } from '../../db/rehearsals.ts';
import { uniqueName } from '../servers.ts';
import { openSale, order, request, requests, stock } from './shop.ts';
import { carry, openTwoServers } from './two-servers.ts';

/** Each schema on its own server: which data both share, and which each has alone. */

const { servers, worker, ops, sale, count } = await openTwoServers();

describe('two servers', () => {
  it('share a catalogue: a name is given once, and both know the home of each SKU', async () => {
    const regular = await stock(ops, sale, { units: 5, schema: 'regular' });
    const hot = await stock(ops, sale, { units: 6, schema: 'hot' });
    expect(await count(regular)).toEqual({ total: 5, free: 5, schema: 'regular' });
    expect(await count(hot)).toEqual({ total: 6, free: 6, schema: 'hot' });
    const again = { sku: hot, sale, title: 'A thing', price: '9.95', currency: 'EUR', units: 6 };
    expect(await createSku(ops, { ...again, schema: 'hot', userLimit: 1 })).toBe(false);
    const other = createSku(ops, { ...again, schema: 'regular', userLimit: 1 });
    await expect(other).rejects.toMatchObject({ sqlstate: 'FS003' });
    // A worker that asks the wrong server is sent to the right one.
    await order(worker, hot, {}, 'regular');
    await order(worker, regular, {}, 'hot');
    expect(await ticketKey(servers.as('web', 1), sale)).toHaveLength(32);
    // The wrong server accepts no changes of the SKU.
    const abroad = new Databases({ regular: ops.home('hot'), hot: ops.regular });
    await expect(restock(abroad, 'hot', hot, 1)).rejects.toMatchObject({ sqlstate: 'FS002' });
    await expect(setSlots(abroad, 'hot', hot, 1)).rejects.toMatchObject({ sqlstate: 'FS002' });
    const close = { text: `SELECT catalog.set_sku_state($1, 'closed')`, values: [hot] };
    await expect(ops.regular.query(close)).rejects.toMatchObject({ sqlstate: 'FS002' });
  });

  it('have a pot where it was made: the other one knows of it, and it does not move', async () => {
    const pot = { amount: '6.00', packets: 3, division: ['1.00', '2.00', '3.00'] };
    for (const schema of ['hot', 'regular'] as const) {
      const sku = await stock(ops, sale, { schema, price: '0', units: 3, pot });
      const placed = await order(worker, sku, {}, schema === 'hot' ? 'regular' : 'hot');
      const { packet } = (await orderDetails(servers.as('web', 1), placed)) ?? {};
      expect(['1.00', '2.00', '3.00']).toContain(packet);
      const board = (await saleBoard(ops)).sales.flatMap(({ skus }) => skus);
      const found = board.find((one) => one.sku === sku);
      expect(found?.pot).toMatchObject({
        amount: '6.00',
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      const other = schema === 'hot' ? 'regular' : 'hot';
      await expect(moveSku(ops, other, sku)).rejects.toMatchObject({ sqlstate: 'FS004' });
      const known = await servers.admin.home(other).query({
        text: 'SELECT sha256, salt FROM catalog.pot WHERE sku = $1',
        values: [sku],
      });
      expect(known).toEqual([{ sha256: null, salt: null }]);
    }
  });

  it('accept buyers from a server of an older version, which sends no claims, and keep the claims they know', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    const copier = request().requestId;
    await worker.home('hot').query({
      text: `SELECT FROM hot.copy_start('hot', $1, $2, true)`,
      values: [sku, copier],
    });
    const copyIn = (rows: object[]) =>
      worker.home('hot').query({
        text: `SELECT hot.copy_in($1, $2, 'buyers', $3) AS ok`,
        values: [sku, copier, JSON.stringify(rows)],
      });
    expect(await copyIn([{ u: 'ann', n: 1, c: 2 }])).toEqual([{ ok: true }]);
    const older = [
      { u: 'ann', n: 3 },
      { u: 'ben', n: 1 },
    ];
    expect(await copyIn(older)).toEqual([{ ok: true }]);
    const copied = await servers.admin.home('hot').query({
      text: 'SELECT user_id, units, claims FROM hot.buyer WHERE sku = $1 ORDER BY user_id',
      values: [sku],
    });
    expect(copied).toEqual([
      { user_id: 'ann', units: 3, claims: 2 },
      { user_id: 'ben', units: 1, claims: 0 },
    ]);
    // The SKU's next copy has the correct value.
    await servers.admin
      .home('hot')
      .query({ text: 'DELETE FROM hot.buyer WHERE sku = $1', values: [sku] });
  });

  it('keep a refusal from before the SKU existed, in whichever home the SKU is created', async () => {
    const reason = 'refused_by_operator';
    for (const asked of ['regular', 'hot'] as const) {
      for (const home of ['regular', 'hot'] as const) {
        const sku = uniqueName('nowhere');
        const refused = request();
        const refusal = { sku, node: 'node-1', requests: [refused], reason };
        const told = [{ status: 'rejected', reason }];
        expect(await refuseRequests(ops, asked, refusal)).toMatchObject(told);
        await stock(ops, sale, { sku, schema: home, units: 3 });
        expect(await placeOrders(worker, asked, sku, [refused])).toMatchObject(told);
        expect(await refuseRequests(ops, asked, refusal)).toMatchObject(told);
        for (const outcome of await requestOutcomes(ops, [refused.requestId])) {
          expect(outcome).toMatchObject({ status: 'rejected', reason });
        }
        expect(await count(sku)).toEqual({ total: 3, free: 3, schema: home });
        await moveSku(ops, home === 'hot' ? 'regular' : 'hot', sku);
        expect(await placeOrders(worker, asked, sku, [refused])).toMatchObject(told);
      }
    }
  });

  it('fence a dead node, and show and publish the orders of both homes', async () => {
    const skus = [
      await stock(ops, sale, { units: 5, schema: 'regular' }),
      await stock(ops, sale, { units: 5, schema: 'hot' }),
    ];
    const userId = `user-of-both-${sale}`;
    const numbers = [
      await order(worker, skus[0] ?? '', { userId }, 'regular'),
      await order(worker, skus[1] ?? '', { userId }, 'hot'),
    ];
    const { orders } = await userOrders(servers.as('web', 1), userId);
    const shown = orders.map(({ orderNo }) => orderNo);
    expect(shown.sort()).toEqual(numbers.toSorted());
    expect(await payOrder(worker, numbers[0] ?? '', 'both-1')).toBe('paid');
    expect(await cancelOrder(worker, numbers[1] ?? '', userId)).toBe('cancelled');
    expect(await orderDetails(worker, numbers[1] ?? '')).toMatchObject({ status: 'cancelled' });
    await fenceNode(worker, 'dead-node');
    expect(await nodeFenced(worker, 'dead-node')).toBe(true);
    for (const [at, schema] of (['regular', 'hot'] as const).entries()) {
      const [late] = await placeOrders(worker, schema, skus[at] ?? '', [
        request({ node: 'dead-node' }),
      ]);
      expect(late).toMatchObject({ status: 'rejected', reason: 'node_fenced' });
      const events = await outboxBatch(worker, schema, 'relay', 1_000);
      expect(events.map(({ orderNo }) => orderNo)).toContain(numbers[at]);
      await outboxDone(worker, schema, [...new Set(events.map(({ eventNo }) => eventNo))]);
    }
  });

  it('record a payment reference for one order, whichever server gets it first', async () => {
    const [one, two] = [
      await stock(ops, sale, { units: 50, schema: 'regular' }),
      await stock(ops, sale, { units: 50, schema: 'hot' }),
    ];
    const both = async () => {
      const regular = await order(worker, one, {}, 'regular');
      return { regular, hot: await order(worker, two) };
    };
    const web = servers.as('web', 4);
    const money = { amount: '1.00', currency: 'EUR' };
    const [first, second] = [await both(), await both()];
    expect(await payOrder(web, first.regular, 'ref-1')).toBe('paid');
    expect(await payOrder(web, first.hot, 'ref-1')).toBe('reference_taken');
    expect(await refusePayment(web, first.hot, 'ref-1', money)).toBe('reference_taken');
    expect(await payOrder(web, second.hot, 'ref-2')).toBe('paid');
    expect(await payOrder(web, second.regular, 'ref-2')).toBe('reference_taken');
    expect(await payOrder(web, second.hot, 'ref-2')).toBe('paid');
    expect(await refusePayment(web, first.hot, 'ref-3', money)).toBe('refund_due');
    expect(await payOrder(web, second.regular, 'ref-3')).toBe('reference_taken');
    expect(await payOrder(web, '999999998', 'ref-4')).toBe('not_found');
    expect(await payOrder(web, second.regular, 'ref-4')).toBe('paid');
    for (let round = 0; round < 20; round += 1) {
      const at = await both();
      const ref = `at-once-${round}`;
      const said = await Promise.all([payOrder(web, at.regular, ref), payOrder(web, at.hot, ref)]);
      expect(said.toSorted()).toEqual(['paid', 'reference_taken']);
    }
  });

  it('record no payment while the server that has the references is away', async () => {
    const orderNo = await order(worker, await stock(ops, sale, { units: 1, schema: 'hot' }));
    const web = servers.as('web', 1);
    const away = createPool({ url: 'postgres://127.0.0.1:1/x', max: 1, applicationName: 'test' });
    const paying = payOrder(
      new Databases({ regular: away, hot: web.home('hot') }),
      orderNo,
      'ref-away',
    );
    await expect(paying).rejects.toMatchObject({ kind: 'unavailable' });
    await away.close();
    expect(await orderDetails(web, orderNo)).toMatchObject({ status: 'ordered' });
    expect(await payOrder(web, orderNo, 'ref-away')).toBe('paid');
  });

  it('remove an old sale together, or not at all', async () => {
    const old = await openSale(ops, { opensInMs: -7_200_000, closesInMs: 1_000 });
    const sku = await stock(ops, old, { units: 2, schema: 'hot' });
    await order(worker, sku);
    const paid = await order(worker, sku);
    expect(await payOrder(worker, paid, 'ref-dropped')).toBe('paid');
    await moveSku(ops, 'regular', sku);
    for (const pool of [servers.admin.regular, servers.admin.home('hot')]) {
      const text = `UPDATE catalog.sale SET closes_at = now() - interval '1 h' WHERE sale = $1`;
      await pool.query({ text, values: [old] });
    }
    await expect(dropSale(ops, old)).rejects.toMatchObject({ sqlstate: 'FS004' });
    expect((await saleBoard(worker)).sales.map((one) => one.sale)).toContain(old);
    await servers.admin.home('hot').query({
      text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE sale = $1`,
      values: [old],
    });
    await expireOrders(worker, 'hot', 100);
    await carry(worker);
    for (const pool of [servers.admin.regular, servers.admin.home('hot')]) {
      await pool.query({ text: `DELETE FROM regular.outbox WHERE sale = $1`, values: [old] });
      await pool.query({ text: `DELETE FROM hot.outbox WHERE sale = $1`, values: [old] });
    }
    await dropSale(ops, old);
    expect(await isDroppedPayment(servers.as('web', 1), paid, 'ref-dropped')).toBe(true);
    expect((await saleBoard(worker)).sales.map((one) => one.sale)).not.toContain(old);
    await expect(dropSale(ops, old)).rejects.toMatchObject({ sqlstate: 'FS002' });
  });

  it('remove a rehearsal from both, also when one of them has removed it before', async () => {
    const shadow = newRehearsal('spring');
    const [opensAt, closesAt] = [new Date(Date.now() - 9_000), new Date(Date.now() + 3_600_000)];
    await createSale(ops, { sale: shadow, title: 'x', opensAt, closesAt, payWindowSeconds: 60 });
    const sku = skuOfRehearsal(shadow, 1);
    await stock(ops, shadow, { sku, units: 2 });
    await placeOrders(worker, 'hot', sku, requests(2));
    await servers.admin.regular.query({
      text: 'SELECT catalog.remove_rehearsal($1)',
      values: [shadow],
    });
    expect((await saleBoard(worker)).sales.map((one) => one.sale)).toContain(shadow);
    await removeRehearsal(ops, shadow);
    for (const pool of [servers.admin.regular, servers.admin.home('hot')]) {
      const [left] = await pool.query({
        text: `SELECT (SELECT count(*)::int FROM catalog.sku WHERE sale = $1) AS skus,
                      (SELECT count(*)::int FROM catalog.action WHERE sale = $1) AS actions,
                      (SELECT count(*)::int FROM hot.outbox WHERE sale = $1) AS events,
                      (SELECT count(*)::int FROM pg_class WHERE relname LIKE '%' || $1 || '%') AS tables`,
        values: [shadow],
      });
      expect(left).toEqual({ skus: 0, actions: 0, events: 0, tables: 0 });
    }
  });
});
