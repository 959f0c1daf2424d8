import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BrokerConnection } from '../../../broker/connection.ts';
import { Publisher } from '../../../broker/publisher.ts';
import {
  cancelOrder,
  endRefund,
  expireOrders,
  joinWaitlist,
  payOrder,
  placeOrders,
  refundOrder,
} from '../../../db/calls.ts';
import { openSession, type Session } from '../../../db/client/pool.ts';
import type { HomeRecords } from '../../../db/report.ts';
import { Operator } from '../../../ops/quota/operator.ts';
import { applySale } from '../../../ops/sale/apply.ts';
import { exportSale } from '../../../ops/sale/export.ts';
import { collectReport, type SaleReport } from '../../../ops/sale/report/facts.ts';
import { reportHtml } from '../../../ops/sale/report/html.ts';
import { skuFacts } from '../../../ops/sale/report/skus.ts';
import { undecidedNow, zookeeperFacts } from '../../../ops/sale/report/sources.ts';
import { ZkSession } from '../../../zk/client/session.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { encodeReport } from '../../../zk/tree/report.ts';
import { createConnections, order as message } from '../../broker/harness.ts';
import { PATIENCE } from '../../db/database.ts';
import { openShop } from '../../db/open-shop.ts';
import { order, request } from '../../db/shop.ts';
import {
  createVirtualHost,
  servers,
  uniqueName,
  uniqueZkRoot,
  type VirtualHost,
} from '../../servers.ts';

/** The report of a sale, from the records of all three servers. */

const { database, worker, web, ops } = await openShop();
const HOUR_MS = 3_600_000;
const root = uniqueZkRoot();
const paths = pathsBelow(root);
const sale = uniqueName('sale');
const sku = uniqueName('sku');
const other = uniqueName('sku');
const connections = createConnections();
let zookeeper: ZkSession;
let session: Session;
let host: VirtualHost;
let broker: BrokerConnection;

const collect = async (name = sale) =>
  collectReport(
    {
      databases: ops,
      sessions: new Map([
        ['regular', session],
        ['hot', session],
      ]),
      ...(await zookeeperFacts(zookeeper, paths)),
      undecided: (skus) => undecidedNow(zookeeper, paths, broker, skus),
    },
    name,
  );

beforeAll(async () => {
  zookeeper = new ZkSession({ servers: servers.zookeeper, sessionTimeoutMs: 8_000 });
  zookeeper.start();
  host = await createVirtualHost();
  broker = await connections.open(host.url);
  await Publisher.open(broker);
  session = await openSession(database.url, {
    role: 'ops',
    applicationName: 'report',
    ...PATIENCE,
  });
  await zookeeper.connected(300_000);
  const terms = { title: 'A <b>thing</b>', price: '9.95', currency: 'EUR', userLimit: 2 };
  const now = Date.now();
  await applySale(
    { databases: ops, session: zookeeper, root },
    {
      sale,
      title: 'A sale',
      opens: { at: new Date(now - HOUR_MS) },
      closes: { at: new Date(now + HOUR_MS) },
      payWindowSeconds: 900,
      skus: [
        { ...terms, sku, schema: 'hot', units: 6, quota: 5 },
        { ...terms, sku: other, schema: 'regular', units: 3 },
      ],
    },
    { actor: { by: 'test' } },
  );
  // Of six units: one paid, one given up by each of three causes, and two that nobody wanted.
  const kept = await order(worker, sku);
  await payOrder(web, kept, `kept:${kept}`);
  await payOrder(web, kept, `twice:${kept}`);
  const cancelled = await order(worker, sku, { userId: 'ann' });
  await cancelOrder(web, cancelled, 'ann');
  const refunded = await order(worker, sku);
  await payOrder(web, refunded, `back:${refunded}`);
  await refundOrder(ops, refunded, { by: 'sue@support', reason: 'It was <broken>' });
  await endRefund(worker, 'hot', `back:${refunded}`, { refundRef: 're_1' });
  const late = await order(worker, sku);
  await database.admin.query({
    text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [late],
  });
  await expireOrders(worker, 'hot', 10);
  await placeOrders(worker, 'hot', sku, [request({ units: 3 })]);
  // The other SKU is sold out, and one user waits.
  await order(worker, other, { units: 2 }, 'regular');
  await order(worker, other, {}, 'regular');
  await joinWaitlist(web, 'regular', { sku: other, userId: 'wim', units: 1 });
  const operator = new Operator(zookeeper, paths, 'ann@laptop');
  await operator.keep(undefined, '0.5');
  await operator.quota(sku, '4');
});
afterAll(async () => {
  await session.close();
  await zookeeper.close();
  await connections.closeAll();
  await host.remove();
});

it('counts packets that cancelled orders keep', () => {
  const row = {
    sku,
    title: 'Packet',
    price: '0',
    currency: 'EUR',
    state: 'open',
    goods: 'amounts',
  };
  const order = { sku, reason: null, was_paid: true, count: 2, units: 2 };
  const records = {
    ...{ skus: [row], stock: [{ sku, loaded: 9, free: 4 }], outcomes: [], waitlist: [] },
    orders: [
      { ...order, status: 'paid', count: 3, units: 3 },
      { ...order, status: 'cancelled', reason: 'by_shop' },
    ],
  };
  const [facts] = skuFacts([records as unknown as HomeRecords], new Map());
  expect(facts).toMatchObject({ units: 9, sold: 3, kept: 2, unsold: { units: 4, cameBack: {} } });
});

it('tells what became of every unit, request and payment', async () => {
  const report = await collect();
  const [hot, regular] = [sku, other].map((name) => report.skus.find((one) => one.sku === name));
  expect(hot).toMatchObject({
    units: 6,
    sold: 1,
    held: 0,
    unsold: {
      units: 5,
      neverOrdered: 2,
      cameBack: {
        'cancelled by the shop, after payment': 1,
        'cancelled by the shopper': 1,
        'not paid in time': 1,
      },
      beyondQuota: 2,
    },
    orders: { cancelled: 1, 'cancelled, by_shop': 1, expired: 1, paid: 1 },
    outcomes: { limit_reached: 1, ordered: 4 },
  });
  expect(regular).toMatchObject({
    units: 3,
    held: 3,
    unsold: { units: 0, neverOrdered: 0 },
    waitlist: { waiting: 1 },
  });
  expect(report.requests).toEqual({ decided: 7, duplicates: 0 });
  expect(report.payments).toEqual({
    kept: [{ currency: 'EUR', count: 1, amount: '9.95' }],
    refunded: [{ currency: 'EUR', count: 1, amount: '9.95' }],
    refundsDue: [{ currency: 'EUR', count: 1, amount: '9.95' }],
    double: 0,
    missing: 0,
  });
  expect(report.lottery).toMatchObject({ places: 1, wrongRanks: 0 });
  expect(report.lottery.secret).toBeUndefined();
  expect(report.latency.pay).toMatchObject({ count: 2 });
  expect(report.latency.call?.count).toBeGreaterThan(0);
  expect(report.histogram?.counts.reduce((all, count) => all + count, 0)).toBe(6);
  expect(report.audit).toEqual([]);
  const of = (who: string) => report.edits.filter((edit) => edit.who === who).map(({ to }) => to);
  expect([of('test'), of('ann@laptop')]).toEqual([
    ['5', '3', 'open', 'open'],
    ['0.5', '4'],
  ]);
  const actions = report.actions.map(({ by, action }) => `${by} ${action}`);
  expect(actions.toSorted()).toEqual([
    'sue@support refund',
    'test create',
    'test create',
    'test create',
  ]);
  const primaries = new Map([
    ['regular', session],
    ['hot', session],
  ]);
  const exported = await exportSale(
    { primaries, standbys: new Map() },
    sale,
    'csv',
    async () => {},
  );
  expect(report.exports.csv).toEqual(exported);
  await expect(collect('no-such-sale')).rejects.toThrow('no sale');
});

it('shows what is not decided, and each promise that is broken', async () => {
  expect((await collect()).undecided).toEqual({
    admitted: 0,
    decided: 0,
    messages: 0,
    deadLetters: 0,
  });
  const counters = { grant: 5, admitted: 5, decided: 3, wanted: 0, need: 0, asked: 9, kept: 9 };
  const node = { applied: {}, skus: { [sku]: counters }, final: false, at: '' };
  await zookeeper.ensure(paths.reports);
  await zookeeper.ensure(paths.report('web-1'), encodeReport(node));
  const publisher = await Publisher.open(broker);
  await publisher.publish(message('{}'));
  const { undecided } = await collect();
  expect(undecided).toMatchObject({ admitted: 5, decided: 3, messages: 1 });

  const text = `UPDATE hot.orders SET units = units + $2 WHERE sale = $1 AND status = 'paid'`;
  await database.admin.query({ text, values: [sale, 1] });
  const broken: SaleReport = await collect();
  await database.admin.query({ text, values: [sale, -1] });
  expect(broken.audit.map(({ promise }) => promise)).toContain('no_oversell');
  const html = reportHtml(broken);
  expect(html).toContain('✗');
  expect(reportHtml({ ...(await collect()), undecided: undefined })).not.toContain('✗');
});

it('is one HTML file that loads nothing and runs nothing, whatever its texts are', async () => {
  const html = reportHtml(await collect());
  expect(html).toContain('A &lt;b&gt;thing&lt;/b&gt;');
  expect(html).toContain('It was &lt;broken&gt;');
  expect(html).not.toMatch(/<script|<link|<img|https?:|url\(|@import/);
  expect(html.match(/<svg /g)?.length).toBe(3);
  expect(html).toContain((await collect()).exports.csv.sha256);
});

it('shows no stock of daily goods, which does not end', async () => {
  const [report, streaks] = [await collect(), uniqueName('sku')];
  const row = {
    sku: streaks,
    title: 'Streak',
    price: '0',
    currency: 'EUR',
    state: 'open',
    goods: 'daily',
  };
  const records = {
    ...{ skus: [row], outcomes: [], waitlist: [] },
    stock: [{ sku: streaks, loaded: 1_000_000_000, free: 999_999_997 }],
    orders: [{ sku: streaks, status: 'paid', reason: null, was_paid: false, count: 3, units: 3 }],
  };
  const skus = skuFacts([records as unknown as HomeRecords], new Map([[streaks, 2_000_000_000]]));
  expect(skus).toMatchObject([{ isDaily: true, sold: 3 }]);
  const html = reportHtml({ ...report, skus });
  expect(html).toContain(`3 units of ${streaks}`);
  expect(html).not.toMatch(/1000000000|999999997/);
  expect(html).not.toContain('Unsold units');
});
