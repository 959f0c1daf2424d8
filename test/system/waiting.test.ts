import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelOrder } from '../../db/calls.ts';
import { audit, restock } from '../../db/operations.ts';
import { joinWaitlist, waitlistEntries } from '../../db/waitlist.ts';
import { playPlan } from '../../ops/load/crowd.ts';
import { readPlan } from '../../ops/load/plan/read.ts';
import { BEHAVIOURS } from '../../ops/load/plan/schema.ts';
import { mergeReports } from '../../ops/load/report/merge.ts';
import { USER_PLACES_MAX } from '../../server/requests/places.ts';
import { order } from '../db/shop.ts';
import { recordedSale } from '../ops/load/recorded-sale.ts';
import { Recorder } from '../ops/load/recorder.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * With all processes, over HTTP: the waitlist, and on the same system a crowd of `flashsale load`, whose report
 * is compared with the database.
 */

const WAITERS = 50;
const UNITS = 8;
/** Between two presses of one shopper of the crowd. */
const PRESS_PAUSE_MS = 50;

let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.stop());

describe('the waitlist for units that come back', () => {
  const shopper = () => new Shopper(system.url, system.jwtSecret);
  const verdict = ({ status, body }: Answer) => [status, body.verdict];
  const pathOf = (sale: string, sku: string) => `/api/v1/sales/${sale}/skus/${sku}/waiting`;

  async function join(who: Shopper, path: string): Promise<Answer> {
    const answer = await who.call('POST', path, {});
    expect(answer).toMatchObject({ status: 201, body: { status: 'waiting' } });
    return answer;
  }

  /** Sets the payment deadline of all unpaid orders to the past: a worker expires them. */
  async function lapse(sku: string): Promise<void> {
    await system.databases.home('hot').query({
      text: `UPDATE hot.orders SET pay_before = now() WHERE sku = $1 AND status = 'ordered'`,
      values: [sku],
    });
  }

  it('serves the best ranks when orders expire, and no other shopper while somebody waits', async () => {
    const sale = await system.createSale([{ sku: 'Line', units: UNITS }]);
    const path = pathOf(sale, 'Line');
    const early = await shopper().call('POST', path, {});
    expect(verdict(early)).toEqual([409, 'units_available']);
    const buyers = Array.from({ length: UNITS }, shopper);
    const bought = await Promise.all(buyers.map((who) => who.buy(sale, 'Line')));
    for (const { body } of bought) expect(body.status).toBe('ordered');

    const waiters = Array.from({ length: WAITERS }, shopper);
    const places = await Promise.all(waiters.map((who) => join(who, path)));
    const byRank = waiters
      .map((who, at) => ({ who, rank: Number(places[at]?.body.rank) }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ who }) => who);
    const [first, , third, last] = [byRank[0], byRank[1], byRank[2], byRank.at(-1)];
    expect((await first?.call('GET', path))?.body).toMatchObject({ ahead: 0, inLine: WAITERS });
    expect((await third?.call('GET', path))?.body).toMatchObject({ ahead: 2 });
    expect((await third?.call('DELETE', path))?.status).toBe(204);
    expect(verdict((await third?.call('GET', path)) as Answer)).toEqual([404, 'not_found']);
    byRank.splice(2, 1);

    // They hold connections open, and other shoppers press all the time.
    const news = byRank.slice(0, UNITS).map((who) => who.call('GET', `${path}?wait=30`));
    let isOver = false;
    const crowd = Array.from({ length: 5 }, async () => {
      const outcomes: string[] = [];
      while (!isOver) {
        const who = shopper();
        const answer = await who.press(sale, 'Line');
        if (answer.status !== 202) outcomes.push(answer.body.verdict);
        else outcomes.push((await who.outcome(answer.body.statusUrl)).body.status);
        await delay(PRESS_PAUSE_MS);
      }
      return outcomes;
    });
    await lapse('Line');
    const served = await Promise.all(news);
    for (const { body } of served) {
      expect(body).toMatchObject({ status: 'served', order: { quantity: 1, status: 'ordered' } });
    }
    // Their orders expire unpaid in turn, and the next shoppers are served.
    const next = byRank.slice(UNITS, 2 * UNITS);
    await lapse('Line');
    const later = await Promise.all(next.map((who) => who.call('GET', `${path}?wait=30`)));
    for (const { body } of later) expect(body.status).toBe('served');
    isOver = true;
    const met = new Set((await Promise.all(crowd)).flat());
    expect(met.has('ordered')).toBe(false);
    expect(met.size).toBeGreaterThan(0);
    expect((await last?.call('GET', path))?.body).toMatchObject({ status: 'waiting' });

    const [winner] = next;
    const orderNo = later[0]?.body.order.orderNo;
    const listed = await winner?.call('GET', '/api/v1/orders');
    expect(listed?.body.orders).toEqual([later[0]?.body.order]);
    const { requestId } = later[0]?.body.order ?? {};
    const status = await winner?.call('GET', `/api/v1/requests/${requestId}`);
    expect(status?.body).toMatchObject({ status: 'ordered', reason: 'waited', order: { orderNo } });
    expect(await audit(system.databases)).toEqual([]);
  });

  it('admits shoppers by the state of the database, whatever a web node remembers', async () => {
    const sale = await system.createSale([{ sku: 'Now', units: 1 }]);
    const path = pathOf(sale, 'Now');
    const [ann, ben] = [shopper(), shopper()];
    // Sold a moment ago, and ann has joined through another node: no web node here has seen either
    // yet.
    await order(system.databases, 'Now');
    const place = { sku: 'Now', userId: ann.userId, units: 1 };
    expect(await joinWaitlist(system.databases, 'hot', place)).toBe('waiting');
    const asked = [ann.call('POST', path, {}), ann.call('POST', path), ben.call('POST', path, {})];
    const [first, again, other] = await Promise.all(asked);
    expect(first).toMatchObject({ status: 201, body: { status: 'waiting', quantity: 1 } });
    expect(again?.body.askedAt).toEqual(first?.body.askedAt);
    expect(other).toMatchObject({ status: 201, body: { status: 'waiting' } });
    // Extra stock is available only when the quota is raised as well.
    await restock(system.databases, 'hot', 'Now', 1);
    expect(verdict(await shopper().call('POST', path, {}))).toEqual([429, 'quota_spent']);
    await system.set(system.paths.sku('Now').quota, '2');
    await until('there is one to buy', async () => {
      const answer = verdict(await shopper().call('POST', path, {}));
      return String(answer) === '409,units_available';
    });
    // Neither this nor a request for more units than the limit loses the place.
    for (const body of [{}, { quantity: 2 }]) {
      expect((await ann.call('POST', path, body)).body.askedAt).toEqual(first?.body.askedAt);
    }
    expect(await audit(system.databases)).toEqual([]);
  });

  it("does not send shoppers to buy units that the quota holds back, however old the web node's figures are", async () => {
    const sale = await system.createSale([{ sku: 'Kept', units: 3, quota: 1 }]);
    const path = pathOf(sale, 'Kept');
    const join = () => shopper().call('POST', path, {});
    expect(verdict(await join())).toEqual([409, 'units_available']);
    // Sold a moment ago: no web node here has seen it yet.
    const orderNo = await order(system.databases, 'Kept', { userId: 'kept' });
    const answers = await Promise.all(Array.from({ length: 4 }, join));
    expect(answers.map(verdict)).toEqual(Array(4).fill([429, 'quota_spent']));
    await cancelOrder(system.databases, orderNo, 'kept');
    expect(verdict(await join())).toEqual([409, 'units_available']);
  });

  it('allows a user a limited number of status waits', async () => {
    const sale = await system.createSale([{ sku: 'News', units: 1 }]);
    const path = pathOf(sale, 'News');
    await shopper().buy(sale, 'News');
    const [eve, ann] = [shopper(), shopper()];
    await join(eve, path);
    await join(ann, path);
    const isOver = new AbortController();
    const wait = async (): Promise<Answer> => {
      const answer = await eve.call('GET', `${path}?wait=30`, undefined, {}, isOver.signal);
      if (verdict(answer)[1] !== 'rate_limited') throw new Error(JSON.stringify(answer.body));
      return answer;
    };
    // At least one of the two web nodes has more of them than a user may have.
    const waits = Array.from({ length: 2 * USER_PLACES_MAX + 1 }, wait);
    const { body, retryAfter } = await Promise.any(waits);
    expect(body.detail).toContain(`You wait for ${USER_PLACES_MAX} answers already`);
    expect(Number(retryAfter)).toBeGreaterThan(0);
    expect((await ann.call('GET', `${path}?wait=1`)).body.status).toBe('waiting');
    isOver.abort();
    await Promise.allSettled(waits);
  });

  it('refuses with the true reason, and ends with the sale', async () => {
    const sale = await system.createSale([{ sku: 'End', units: 1, userLimit: 1 }]);
    const path = pathOf(sale, 'End');
    const [owner, ann] = [shopper(), shopper()];
    await owner.buy(sale, 'End');
    expect(verdict(await owner.call('POST', path, {}))).toEqual([409, 'limit_reached']);
    for (const quantity of [0, 2]) {
      const answer = await ann.call('POST', path, { quantity });
      expect(verdict(answer)).toEqual([400, 'bad_request']);
    }
    expect(verdict(await ann.call('POST', pathOf('nothing', 'End'), {}))[0]).toBe(404);
    expect((await ann.call('GET', path)).status).toBe(404);
    const joined = await join(ann, path);
    expect(joined.body.waitingUrl).toBe(path);
    const { state } = system.paths.sku('End');
    await system.set(state, 'paused');
    const paused = await until('the pause is seen', async () => {
      const answer = await shopper().call('POST', path, {});
      return answer.body.verdict === 'paused' ? answer : undefined;
    });
    expect(paused.status).toBe(503);
    const kept = await ann.call('POST', path, {});
    const { askedAt } = joined.body;
    expect(kept).toMatchObject({ status: 201, body: { status: 'waiting', askedAt } });
    await system.set(state, 'closed');
    await until('the end is seen', async () => {
      const answer = await ann.call('GET', path);
      return answer.body.status === 'closed';
    });
    expect(verdict(await shopper().call('POST', path, {}))).toEqual([410, 'closed']);
    // A unit that comes back then goes to nobody in the waitlist.
    const [order] = (await owner.call('GET', '/api/v1/orders')).body.orders;
    await until('the keeper has closed the line', async () => {
      const [row] = await system.databases.regular.query<{ open: boolean }>({
        text: `SELECT is_open AS open FROM hot.line_backlog WHERE sku = 'End'`,
      });
      return row?.open === false;
    });
    await owner.call('POST', `/api/v1/orders/${order.orderNo}/cancel`);
    const place = { sku: 'End', userId: ann.userId };
    expect(await waitlistEntries(system.databases, [place])).toMatchObject([{ state: 'waiting' }]);
    expect(await audit(system.databases)).toEqual([]);
  });
});

describe('a crowd', () => {
  const PLAN = `
sale: SALE
seed: system
begin: 2s before the opening
arrivals:
  - { for: 2s, rate: 20 }
  - { for: 4s, rate: 60, to: 30 }
behaviours:
  buys: 40
  keeps: 10
  cancels: 8
  looks: 6
  leaves: 6
  comes-back: 6
  presses-twice: 6
  reloads: 6
  loses-connection: 6
  joins-waitlist: 6
  asks-for-notices: 4
  bot: 6
waits: { poll: 1, long-poll: 1, stream: 1 }
skus: { CrowdTV: 6, CrowdPhone: 6, CrowdBook: 1 }
patience: 30s
pauses: { press: 300ms, pay: 500ms, back: 1s, reload: 700ms, bot: 100ms }
network: { latency: { from: 0ms, to: 30ms }, loss: 0.01, addresses: 8 }
`;
  /** What a browser sends with the page, and Node for the connection. */
  const HEADERS = new Set([
    ...['host', 'connection', 'user-agent', 'accept', 'accept-language', 'if-none-match'],
    ...['authorization', 'content-type', 'content-length'],
    ...['idempotency-key', 'idempotency-retry'],
  ]);

  interface Found {
    readonly orders: number;
    readonly paid: number;
    readonly cancelled: number;
  }

  async function inDatabase(sale: string): Promise<Found> {
    const counts = await Promise.all(
      ['hot', 'regular'].map((schema) =>
        system.databases.home(schema).query<Record<keyof Found, string>>({
          text: `SELECT count(*) AS orders, count(*) FILTER (WHERE status = 'paid') AS paid,
                        count(*) FILTER (WHERE status = 'cancelled') AS cancelled
                 FROM ${schema}.orders WHERE sale = $1`,
          values: [sale],
        }),
      ),
    );
    const sum = (name: keyof Found) =>
      counts.reduce((all, [row]) => all + Number(row?.[name] ?? 0), 0);
    return { orders: sum('orders'), paid: sum('paid'), cancelled: sum('cancelled') };
  }

  it('reports the orders that the database has, and sends nothing but calls of the public API', async () => {
    const opensAt = new Date(Date.now() + 5_000);
    const sale = await system.createSale(
      [
        { sku: 'CrowdTV', units: 40 },
        { sku: 'CrowdPhone', units: 500, schema: 'regular' },
        { sku: 'CrowdBook', units: 500, schema: 'regular' },
      ],
      { opensAt },
    );
    await system.session.create(system.paths.sku('CrowdBook').challenge, 'on');
    const recorder = await Recorder.before(system.url);
    const plan = readPlan(PLAN.replace('SALE', sale), 'crowd.yaml');
    const order = {
      ...{ plan, planFile: 'crowd.yaml', target: recorder.url, of: 2, startAt: undefined },
      stopping: new AbortController().signal,
    };
    const parts = await Promise.all([1, 2].map((part) => playPlan({ ...order, part })));
    recorder.close();
    const report = mergeReports(parts);

    expect(report.shoppers).toMatchObject({ due: 220, played: 220, notPlayed: {} });
    expect(Object.keys(report.shoppers.behaviours)).toHaveLength(BEHAVIOURS.length);
    const { made, paid, cancelled } = report.orders;
    expect(await inDatabase(sale)).toEqual({ orders: made, paid, cancelled });
    expect(made).toBeGreaterThan(20);
    expect(paid).toBeGreaterThan(10);
    expect(cancelled).toBeGreaterThan(0);
    const { outcomes, sent } = report.requests;
    expect(Object.values(outcomes).reduce((all, count) => all + count, 0)).toBe(sent);
    expect(outcomes).not.toHaveProperty('lost');
    expect(outcomes).not.toHaveProperty('unknown');
    for (const call of ['ticket', 'buy', 'status', 'long-poll', 'stream', 'pay', 'cancel']) {
      expect([call, report.calls[call]?.times.count]).not.toEqual([call, 0]);
    }
    // Challenges were solved: without a solution nobody gets this one.
    expect(report.calls['ticket']?.verdicts['ticket_invalid']).toBeGreaterThan(0);
    const books = await system.databases.regular.query<{ count: string }>({
      text: `SELECT count(*) FROM regular.orders WHERE sku = 'CrowdBook'`,
    });
    expect(Number(books[0]?.count)).toBeGreaterThan(0);
    // Everything that was planned was done.
    expect(report.generator.gaps).toEqual({});

    const { paths } = (await new Shopper(system.url, system.jwtSecret).call('GET', '/openapi.json'))
      .body as { paths: Record<string, object> };
    const known = Object.entries(paths).flatMap(([path, methods]) => {
      const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      return Object.keys(methods).map((method) => ({ method: method.toUpperCase(), pattern }));
    });
    known.push({ method: 'GET', pattern: /^\/sales\/[\w-]+$/ });
    const strange = recorder.calls.filter(
      ({ method, path, headers }) =>
        !known.some((one) => one.method === method && one.pattern.test(path)) ||
        !headers.every((name) => HEADERS.has(name)),
    );
    expect(strange).toEqual([]);
    const addresses = new Set(recorder.calls.map(({ address }) => address));
    expect(addresses.size).toBe(plan.addresses);
    expect(await audit(system.databases)).toEqual([]);
  });
});

recordedSale(() => system);
