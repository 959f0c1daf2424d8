import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditSchema } from '../../db/audit.ts';
import {
  auditHomes,
  cancelOrder,
  type Elsewhere,
  fenceNode,
  handledDeadLetters,
  joinWaitlist,
  knownOutcomes,
  knownUnitCounts,
  knownWaitlistEntries,
  leaveWaitlist,
  moveSku,
  nodeFenced,
  orderDetails,
  placeOrders,
  requestOutcomes,
  saleBoard,
  setWaitlists,
  unitCounts,
  userOrders,
} from '../../db/calls.ts';
import { createPool, Databases, openSession, type Pool } from '../../db/client/pool.ts';
import { stockFigures } from '../../db/stranded.ts';
import { findOrders } from '../../ops/orders/find.ts';
import { storyOfOrder, storyOfRequest } from '../../ops/orders/story.ts';
import { tell } from '../../ops/orders/tell.ts';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';
import { PATIENCE } from './database.ts';
import { openSale, order, request, stock } from './shop.ts';
import { carry, openTwoServers } from './two-servers.ts';

/** Which answers are given while the home `hot` is away, and which are withheld. */

const { servers, worker, ops, sale } = await openTwoServers();
const web = servers.as('web');
const nowhere: Pool = createPool({
  url: 'postgres://127.0.0.1:1/x',
  max: 1,
  applicationName: 'test',
});
const away = (databases: Databases): Databases =>
  new Databases({ regular: databases.regular, hot: nowhere });
const unavailable = { kind: 'unavailable' };
afterAll(() => nowhere.close());

const userId = uniqueName('user');
const asked = { regular: request({ userId }), hot: request({ userId }) };
let skus: { regular: string; hot: string };
beforeAll(async () => {
  skus = {
    regular: await stock(ops, sale, { units: 5, schema: 'regular' }),
    hot: await stock(ops, sale, { units: 5, schema: 'hot' }),
  };
  for (const schema of ['regular', 'hot'] as const) {
    await placeOrders(worker, schema, skus[schema], [asked[schema]]);
  }
});

describe('while the home of hot is away', () => {
  it('orders and outcomes of regular are told, and those of hot are not reported as missing', async () => {
    const whole = await userOrders(web, userId);
    const part = await userOrders(away(web), userId);
    expect(part.missing).toEqual(['hot']);
    expect(part.orders).toEqual(whole.orders.filter(({ sku }) => sku === skus.regular));
    const ids = [asked.regular.requestId, asked.hot.requestId];
    const known = await knownOutcomes(away(web), ids);
    expect(known.rows.map(({ sku }) => sku)).toEqual([skus.regular]);
    expect(known.missing).toEqual(['hot']);
    await expect(requestOutcomes(away(web), ids)).rejects.toMatchObject(unavailable);
    const ofHot = whole.orders.find(({ sku }) => sku === skus.hot)?.orderNo ?? '';
    await expect(orderDetails(away(web), ofHot)).rejects.toMatchObject(unavailable);
    expect((await auditHomes(away(ops))).missing).toEqual(['hot']);
    expect((await handledDeadLetters(away(ops), 10)).missing).toEqual(['hot']);
  });

  it('customer service finds and tells what regular knows, and claims nothing about hot', async () => {
    const service = away(servers.as('console'));
    const found = await findOrders(service, userId);
    expect(found.orders.map(({ sku }) => sku)).toEqual([skus.regular]);
    expect(found.missing).toEqual(['hot']);
    const sources = { databases: service, findUndecided: () => Promise.reject(new Error('away')) };
    const story = await storyOfRequest(sources, asked.regular.requestId);
    expect(story.ordered?.order.userId).toBe(userId);
    const other = await storyOfRequest(sources, asked.hot.requestId);
    expect(tell(other, new Date()).now).toEqual([
      ['It is not known whether this request is decided: ask again when all databases answer.'],
      ['Missing here: the database of hot does not answer.'],
      ['Missing here: RabbitMQ: away.'],
    ]);
    // The addresses and notices of an order of hot are on the other server.
    const alone = {
      databases: new Databases({ regular: nowhere, hot: servers.as('console').home('hot') }),
    };
    const orders = await userOrders(servers.as('console'), userId);
    const ofHot = orders.orders.find(({ sku }) => sku === skus.hot)?.orderNo ?? '';
    const told = await storyOfOrder({ ...sources, ...alone }, ofHot);
    expect(told?.ordered?.contacts).toBeUndefined();
    expect(told?.missing.join()).toMatch(/the addresses of notices: .*the notices: /);
    expect(told?.homesAway).toEqual(['regular']);
  });

  it('the catalogue has every SKU and says whose stock is known', async () => {
    const { sales, missing } = await saleBoard(away(web));
    expect(missing).toEqual(['hot']);
    const shown = sales.find((one) => one.sale === sale)?.skus ?? [];
    const known = Object.fromEntries(shown.map(({ sku, isKnown }) => [sku, isKnown]));
    expect(known).toMatchObject({ [skus.regular]: true, [skus.hot]: false });
    const { sales: whole } = await saleBoard(web);
    // The server of hot created its copy of the sale at another time.
    const createdAt = (all: typeof sales) => all.find((one) => one.sale === sale)?.createdAt;
    expect(createdAt(whole)).toEqual(createdAt(sales));
  });

  it('the units of a SKU are counted in its home, those of a moved SKU from what was known before', async () => {
    const moved = await stock(ops, sale, { units: 7, schema: 'hot' });
    await order(worker, moved);
    await moveSku(ops, 'regular', moved);
    await order(worker, moved, {}, 'regular');
    await carry(worker);
    const whole = await unitCounts(ops);
    const fresh: Elsewhere = new Map();
    const counts = async (databases: Databases, elsewhere: Elsewhere) => {
      const { rows, missing } = await knownUnitCounts(databases, elsewhere);
      return { missing, skus: new Map(rows.map((row) => [row.sku, row])) };
    };
    // A keeper that has just started cannot know the units that the other home holds.
    expect((await counts(away(ops), fresh)).skus.has(moved)).toBe(false);
    await counts(ops, fresh);
    const part = await counts(away(ops), fresh);
    expect(part.missing).toEqual(['hot']);
    for (const sku of [moved, skus.regular]) {
      const { unitsTotal, free } = whole.find((one) => one.sku === sku) ?? {};
      expect(part.skus.get(sku)).toMatchObject({ unitsTotal, free, home: 'regular' });
    }
    expect(part.skus.has(skus.hot)).toBe(false);
  });

  it('unpaid orders are counted where they are, and a home that is not counted is named', async () => {
    const moved = await stock(ops, sale, { units: 7, schema: 'hot', userLimit: 2 });
    await order(worker, moved);
    await moveSku(ops, 'regular', moved);
    await order(worker, moved, { units: 2 }, 'regular');
    await carry(worker);
    const of = async (databases: Databases) => {
      const { rows, missing } = await stockFigures(databases);
      const own = rows.filter(({ sku }) => sku === moved || sku === skus.hot);
      return { missing, own: own.map(({ sku, schema, unpaid }) => [sku, schema, unpaid]) };
    };
    const ofRegular = [[moved, 'regular', 2]];
    const whole = await until('both homes answer', async () => {
      const figures = await of(ops);
      return figures.missing.length === 0 && figures;
    });
    expect(new Set(whole.own)).toEqual(
      new Set([...ofRegular, [moved, 'hot', 1], [skus.hot, 'hot', 1]]),
    );
    expect(await of(away(ops))).toEqual({ missing: ['hot'], own: ofRegular });
  });

  it('a place in a waitlist of regular is told and can be left; one of hot is not reported as missing', async () => {
    const own = uniqueName('waiting');
    const closing = await openSale(ops);
    const ofRegular = await stock(ops, closing, { units: 1, schema: 'regular', userLimit: 1 });
    const ofHot = await stock(ops, closing, { units: 1, schema: 'hot', userLimit: 1 });
    await order(worker, ofRegular, {}, 'regular');
    await order(worker, ofHot);
    await setWaitlists(away(ops), [ofRegular], []);
    expect(
      await joinWaitlist(away(web), 'regular', { sku: ofRegular, userId: own, units: 1 }),
    ).toBe('waiting');
    await joinWaitlist(web, 'hot', { sku: ofHot, userId: own, units: 1 });
    const places = [ofRegular, ofHot].map((sku) => ({ sku, userId: own }));
    const { rows, missing } = await knownWaitlistEntries(away(web), places);
    expect(rows).toMatchObject([{ sku: ofRegular, state: 'waiting' }]);
    expect(missing).toEqual(['hot']);
    expect(await leaveWaitlist(away(web), ofRegular, own)).toBe(true);
    await expect(leaveWaitlist(away(web), ofHot, own)).rejects.toMatchObject(unavailable);
    expect(await leaveWaitlist(web, ofHot, own)).toBe(true);
  });

  it('an audit of one home reports its findings there', async () => {
    const damage = (units: number) =>
      servers.admin.regular.query({
        text: 'UPDATE regular.stock_slot SET remaining = remaining + $1 WHERE sku = $2 AND slot = 1',
        values: [units, skus.regular],
      });
    await damage(1);
    const found = await auditSchema(away(ops), 'regular');
    await damage(-1);
    expect(found.rows.map(({ sku }) => sku)).toContain(skus.regular);
    expect(found.missing).toEqual(['hot']);
  });

  it('a node is fenced in each home separately, and fenced in both only when both confirm it', async () => {
    const node = uniqueName('node');
    await fenceNode(away(worker), node, ['regular']);
    await expect(nodeFenced(away(web), node)).rejects.toMatchObject(unavailable);
    expect(await nodeFenced(web, node)).toBe(false);
    await fenceNode(worker, node, ['hot']);
    expect(await nodeFenced(web, node)).toBe(true);
  });
});

it('eight shoppers who wait for a locked order do not keep others from an answer', async () => {
  const buyer = uniqueName('user');
  const orderNo = await order(worker, skus.hot, { userId: buyer });
  const lock = await openSession(servers.urls.hot, { applicationName: 'lock', ...PATIENCE });
  await lock.run(`BEGIN; SELECT FROM hot.orders WHERE order_no = ${orderNo} FOR UPDATE`);
  const cancels = Array.from({ length: 8 }, () => cancelOrder(web, orderNo, buyer));
  await until('some wait for the lock', async () => {
    const [row] = await servers.admin.home('hot').query<{ waiting: number }>({
      text: `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
    });
    return (row?.waiting ?? 0) >= 2;
  });
  await until('both answer', async () => (await userOrders(web, buyer)).missing.length === 0);
  await lock.run('ROLLBACK');
  await lock.close();
  await Promise.allSettled(cancels);
  expect(await cancelOrder(web, orderNo, buyer)).toBe('cancelled');
});

it('a home that hangs delays callers only shortly, and is asked again without intervention', async () => {
  servers.second.freeze();
  expect((await userOrders(web, userId)).missing).toEqual(['hot']);
  // It is known now that the home does not answer: no further question waits for it.
  const pools = web.home('hot').figures();
  for (let call = 0; call < 200; call += 1) await userOrders(web, userId);
  expect(web.home('hot').figures().waiting).toBeLessThanOrEqual(pools.waiting + 1);
  await expect(cancelOrder(web, '2', userId)).rejects.toMatchObject(unavailable);
  servers.second.thaw();
  await until('both answer', async () => (await userOrders(web, userId)).missing.length === 0);
});
