import { describe, expect, it } from 'vitest';
import {
  cancelOrder,
  endCheckout,
  expireOrders,
  installation,
  installationOf,
  isLegacyOrder,
  keepCheckout,
  liveCheckout,
  payOrder,
  takeCheckouts,
} from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';

const { database, worker, web, ops, sale } = await openShop();

const HOUR_MS = 3_600_000;
const newOrder = async () => order(worker, await stock(ops, sale, { units: 1 }), { userId: 'ann' });

function session(prefix = 'stripe:', endsInMs = HOUR_MS) {
  const name = uniqueName('cs');
  const url = `https://pay.example/${name}`;
  return { ref: `${prefix}${name}`, url, endsAt: new Date(Date.now() + endsInMs) };
}

const take = (prefix: string) => takeCheckouts(worker, 'hot', prefix, 100);
const taken = async (prefix: string) => (await take(prefix)).map(({ sessionRef }) => sessionRef);

async function everyTryDue(): Promise<void> {
  await database.admin.query({ text: 'UPDATE hot.checkout SET next_try_at = now()' });
}

describe('an installation', () => {
  it('has one id, which every role that may read it gets', async () => {
    const id = await installation(web, 'hot');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await installationOf(worker, '1')).toBe(id);
    const second = { text: 'INSERT INTO catalog.installation DEFAULT VALUES' };
    await expect(database.admin.query(second)).rejects.toMatchObject({ sqlstate: '23505' });
  });
});

describe('an order from before the installation had an id', () => {
  it('does not exist in a database that was created with the id', async () => {
    const ancient = { orderNo: '1', createdAt: new Date(0) };
    expect(await isLegacyOrder(web, ancient)).toBe(false);
    const at = new Date(Date.now() - HOUR_MS);
    const text = 'UPDATE catalog.installation SET legacy_before = $1';
    await database.admin.query({ text, values: [at] });
    expect(await isLegacyOrder(web, ancient)).toBe(true);
    expect(await isLegacyOrder(web, { orderNo: '2', createdAt: at })).toBe(false);
  });
});

describe('the payment session of an order', () => {
  it('is the first one that was stored, also when the shopper starts several at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const orderNo = await newOrder();
      expect(await liveCheckout(web, orderNo)).toEqual({ session: undefined, nextAttempt: 1 });
      const made = [session(), session(), session()];
      const urls = await Promise.all(made.map((each) => keepCheckout(web, orderNo, each)));
      expect(new Set(urls).size).toBe(1);
      expect(made.map(({ url }) => url)).toContain(urls[0]);
      const kept = made.find(({ url }) => url === urls[0]);
      expect(await liveCheckout(web, orderNo)).toEqual({ session: kept, nextAttempt: 2 });
    }
  });

  it('is replaced only after the provider has said that it ended', async () => {
    const orderNo = await newOrder();
    const [first, second, third] = [session(), session('stripe:', 0), session()];
    await keepCheckout(web, orderNo, first);
    expect(await endCheckout(web, orderNo, 'stripe:another', 'ended')).toBe(false);
    expect(await keepCheckout(web, orderNo, second)).toBe(first.url);
    expect(await endCheckout(web, orderNo, first.ref, 'ended')).toBe(true);
    expect(await endCheckout(web, orderNo, first.ref, 'ended')).toBe(false);
    expect(await liveCheckout(web, orderNo)).toEqual({ session: undefined, nextAttempt: 2 });
    await keepCheckout(web, orderNo, second);
    // The session's time is over, but somebody may have paid at the last moment.
    expect(await liveCheckout(web, orderNo)).toEqual({ session: second, nextAttempt: 3 });
    expect(await keepCheckout(web, orderNo, third)).toBe(second.url);
  });

  it('is taken to be ended when the order is cancelled, expires or is paid', async () => {
    const prefix = 'ways:';
    const made = async () => {
      const [orderNo, own] = [await newOrder(), session(prefix)];
      await keepCheckout(web, orderNo, own);
      return { orderNo, ref: own.ref };
    };
    const [cancelled, expired, paid, open] = [
      await made(),
      await made(),
      await made(),
      await made(),
    ];
    expect(await take(prefix)).toEqual([]);
    await cancelOrder(web, cancelled.orderNo, 'ann');
    await database.admin.query({
      text: 'UPDATE hot.orders SET pay_before = now() WHERE order_no = $1',
      values: [expired.orderNo],
    });
    await expireOrders(worker, 'hot', 100);
    await payOrder(web, paid.orderNo, uniqueName('ref'));
    expect((await taken(prefix)).sort()).toEqual(
      [cancelled, expired, paid].map(({ ref }) => ref).sort(),
    );
    expect(await keepCheckout(web, cancelled.orderNo, session())).toBeUndefined();
    expect(await liveCheckout(web, open.orderNo)).toMatchObject({
      session: { ref: expect.any(String) },
    });
  });

  it('is not ended again when its own payment has ended it', async () => {
    const [orderNo, own] = [await newOrder(), session('own:')];
    await keepCheckout(web, orderNo, own);
    await payOrder(web, orderNo, uniqueName('ref'));
    await endCheckout(web, orderNo, own.ref, 'ended');
    expect(await take('own:')).toEqual([]);
  });

  it('is taken by one worker at a time, and tried again until the provider says that it ended', async () => {
    const [orderNo, own] = [await newOrder(), session('hands:')];
    await keepCheckout(web, orderNo, own);
    await cancelOrder(web, orderNo, 'ann');
    const hands = await Promise.all([take('hands:'), take('hands:'), take('hands:')]);
    expect(hands.flat()).toEqual([{ sessionRef: own.ref, orderNo, tries: 1 }]);
    await endCheckout(worker, orderNo, own.ref, { error: 'no answer' });
    expect(await take('hands:')).toEqual([]);
    await everyTryDue();
    expect(await take('hands:')).toMatchObject([{ tries: 2 }]);
    const waits = async () => {
      const [row] = await ops.home('hot').query<{ count: string }>({
        text: `SELECT count FROM hot.backlog WHERE waiting = 'payment sessions to end'`,
      });
      return Number(row?.count);
    };
    const before = await waits();
    await database.admin.query({
      text: 'UPDATE hot.checkout SET ends_at = now() WHERE order_no = $1',
      values: [orderNo],
    });
    // The session's time is over. Only the provider knows whether somebody has paid in it.
    await endCheckout(worker, orderNo, own.ref, { error: 'no answer' });
    expect(await waits()).toBe(before);
    await everyTryDue();
    expect(await take('hands:')).toMatchObject([{ tries: 3 }]);
    expect(await endCheckout(worker, orderNo, own.ref, 'paying')).toBe(true);
    expect(await waits()).toBe(before - 1);
    await everyTryDue();
    expect(await take('hands:')).toEqual([]);
    expect(await endCheckout(web, orderNo, own.ref, 'ended')).toBe(true);
  });
});
