import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  isRehearsal,
  newRehearsal,
  rehearsalsOf,
  skuOfRehearsal,
} from '../../../contracts/rehearsal.ts';
import { readCosts } from '../../../ops/capacity/costs.ts';
import type { CostValues } from '../../../ops/capacity/model.ts';
import { readPlan } from '../../../ops/load/plan/read.ts';
import type { LoadReport } from '../../../ops/load/report/report.ts';
import { disturbed, lastsMs } from '../../../ops/rehearse/beside.ts';
import { compare } from '../../../ops/rehearse/compare.ts';
import { demandOf, planOfShadow, usualPlan } from '../../../ops/rehearse/crowd.ts';
import { judge, REMOVAL, type Rehearsed } from '../../../ops/rehearse/judge.ts';
import { othersThan } from '../../../ops/rehearse/processes.ts';
import { underWay } from '../../../ops/rehearse/remove.ts';
import { type Known, shadowOf } from '../../../ops/rehearse/shadow.ts';
import { rehearsalText } from '../../../ops/rehearse/text.ts';
import { parseSaleFile } from '../../../ops/sale/file.ts';

/** What a rehearsal works out without a shop. */

const sku = (name: string, more: object = {}) => ({
  ...{ sku: name, sale: 'spring', schema: 'hot', title: name, price: '1.00', currency: 'EUR' },
  ...{ userLimit: 1, unitsTotal: 10, zone: null, pot: null, section: null, presentation: {} },
  ...more,
});
const known = {
  sale: { title: 'Spring', payWindowSeconds: 60, presentation: {} },
  skus: new Map([
    ['TV', sku('TV')],
    ['Daily', sku('Daily', { zone: 'Europe/Berlin', unitsTotal: 2_000_000_000 })],
    ['Other', sku('Other', { sale: 'autumn' })],
  ]),
  switches: new Map([['TV', { quota: '8', state: 'paused', keep: null, shed: null }]]),
} as unknown as Known;
const shadow = shadowOf('spring', known, new Map([['TV', 4]]), { opensInMs: 1, closesInMs: 2 });
const [tv = '', daily = ''] = ['TV', 'Daily'].map((name) => shadow.names.get(name));

describe('a name of a rehearsal', () => {
  it('belongs to its sale, is never made twice, and is none of a sale file', () => {
    const [one, two] = [newRehearsal('spring'), newRehearsal('spring')];
    const long = newRehearsal('x'.repeat(40));
    expect(new Set([one, two, long]).size).toBe(3);
    const names = [one, skuOfRehearsal(one, 50), skuOfRehearsal(two, 1), long, 'spring', 'TV'];
    expect(rehearsalsOf('spring', names).sort()).toEqual([one, two].sort());
    expect(names.map(isRehearsal)).toEqual([true, true, true, true, false, false]);
    expect(isRehearsal(`my-${one}`)).toBe(false);
    expect(skuOfRehearsal(one, 50).length).toBeLessThanOrEqual(40);
    const file = `sale: ${one}\ntitle: x\nopens: in 1m\ncloses: in 2m\npayWindow: 1m\nskus: []\n`;
    expect(() => parseSaleFile(file, 'x.yaml', [])).toThrow('it is for rehearsals');
    const copy = `${file.replace(one, 'summer').replace('[]', '')}  - { sku: ${skuOfRehearsal(one, 1)} }\n`;
    expect(() => parseSaleFile(copy, 'x.yaml', [])).toThrow('such a name: it is for rehearsals');
  });
});

it('the shadow has the terms, the quota and the slots of the sale, and is open', () => {
  expect(shadow.desired).toMatchObject({
    title: 'Rehearsal: Spring',
    skus: [
      { sku: tv, units: 10, quota: 8, slots: 4, schema: 'hot' },
      { sku: daily, zone: 'Europe/Berlin' },
    ],
  });
  expect(isRehearsal(shadow.desired.sale)).toBe(true);
});

describe('the crowd', () => {
  const crowd = { withinMs: 2_000, shop: 'http://127.0.0.1:8080' };
  const planOf = (more = {}) => readPlan(usualPlan(shadow, { ...crowd, ...more }), 'x.yaml');

  it('is larger than the units, or as large as is asked for', () => {
    expect(planOf()).toMatchObject({ addresses: 20, identities: 'guests' });
    expect(planOf().shoppers).toBeGreaterThan(500);
    for (const visitors of [1, 7, 333, 99_999])
      expect(planOf({ visitors }).shoppers).toBe(visitors);
    const elsewhere = { shop: 'https://shop.example', keyFile: '/key' };
    expect(planOf(elsewhere)).toMatchObject({ addresses: 1, identities: { key: '/key' } });
  });

  it('of a plan for the sale wants the SKUs of the shadow', () => {
    const text = (skus: string, sale = 'spring') =>
      `sale: ${sale}\nseed: 1\narrivals: [{ for: 1s, rate: 40 }]\nbehaviours: { buys: 1, looks: 1 }\nskus: ${skus}\n`;
    const plan = readPlan(planOfShadow(text('{ TV: 1 }'), 'spring', shadow), 'x.yaml');
    expect(plan).toMatchObject({ sale: shadow.desired.sale, skus: new Map([[tv, 1]]) });
    const demand = demandOf(plan, shadow);
    expect(demand.get(daily)).toBe(0);
    // Those who look do not buy.
    expect(demand.get(tv)).toBeGreaterThan(8);
    expect(demand.get(tv)).toBeLessThan(40);
    expect(() => planOfShadow(text('{ Car: 1 }'), 'spring', shadow)).toThrow('has no such SKU');
    expect(() => planOfShadow(text('{ TV: 1 }', 'other'), 'spring', shadow)).toThrow(
      'not for spring',
    );
  });
});

const times = (p99: number) => ({
  count: 9,
  ms: { p50: 1, p95: p99, p99, max: p99 },
  histogram: '',
});
const second = (presses: number, tickets: number) => ({
  calls: { buy: { count: presses }, ticket: { count: tickets } },
});
const report = {
  shoppers: { due: 20, played: 20, notPlayed: {}, ends: {} },
  requests: { outcomes: { ordered: 8 } },
  orders: { made: 8, paid: 8 },
  calls: {
    buy: { sent: 30, verdicts: { taken: 30 }, times: { ...times(50), count: 30 } },
    ticket: { times: { ...times(9), count: 20 } },
    'long-poll': { times: { ...times(9), count: 10 } },
    stream: { times: { ...times(9), count: 5 } },
  },
  outcomeTimes: times(500),
  bySecond: [second(5, 4), second(25, 16)],
  generator: { lag: times(1), gaps: {}, busySeconds: 0, processes: 1 },
  seconds: 2,
} as unknown as LoadReport;
const well: Rehearsed = {
  ...{ desired: shadow.desired, report, isComplete: true, keepsAll: true },
  demand: new Map([[tv, 12]]),
  original: new Map([
    [tv, 'TV'],
    [daily, 'Daily'],
  ]),
  records: {
    ...{ orders: 8, paid: 8, sold: [{ sku: tv, units: 8, bought: 8 }], ordersPerSecond: 4 },
    ...{ repeatedRequests: 0, doublePayments: 0, audit: [] },
  },
};
const bounds = { answeredWithinMs: 100, decidedWithinMs: 1_000 };
const wrong = (change: Partial<Rehearsed>) =>
  judge({ ...well, ...change }, bounds).flatMap(({ isWell, text, about }) =>
    isWell ? [] : [`${about}: ${text}`],
  );
const records = (change: Partial<Rehearsed['records']>) => ({
  records: { ...well.records, ...change },
});
/** @param units that are held at the end; `bought` counts those of orders that ran out as well */
const sold = (units: number, bought = units) => records({ sold: [{ sku: tv, units, bought }] });
const told = (change: object) => ({ report: { ...report, ...change } as LoadReport });

describe('the verdict', () => {
  it.each<[string, Partial<Rehearsed>, RegExp | undefined]>([
    ['all is well', {}, undefined],
    ['a unit is left that somebody wanted', sold(7), /TV was not sold out: 7 of 8, and 12/],
    ['a unit is left that nobody wanted', { ...sold(7), demand: new Map([[tv, 7]]) }, undefined],
    [
      'fewer came than there are units, and somebody got none',
      { ...sold(6), demand: new Map([[tv, 7]]) },
      /TV: 7 wanted one, and 6 were bought/,
    ],
    [
      'fewer came than there are units, and an order ran out unpaid',
      { ...sold(6, 7), demand: new Map([[tv, 7]]) },
      undefined,
    ],
    [
      'everybody wanted what has no end, and got nothing',
      { demand: new Map([[daily, 3]]) },
      /Daily/,
    ],
    ['the crowd was told of a payment that is not there', records({ paid: 7 }), /orders: .*8 paid/],
    [
      'presses get no answer',
      told({
        calls: { buy: { sent: 30, verdicts: { taken: 29, timeout: 1 }, times: times(50) } },
      }),
      /answered: 1 of 30 presses got no answer/,
    ],
    ['presses are shed', { ...records({ sold: [] }), keepsAll: false }, undefined],
    ['a unit is sold beyond the quota', sold(9), /TV was oversold: 9 of 8/],
    ['an order is missing', records({ orders: 7 }), /orders: 7 in the databases, .* 8 told/],
    ['a request has two orders', records({ repeatedRequests: 1 }), /1 requests with two orders/],
    [
      'an outcome is lost',
      told({ requests: { outcomes: { ordered: 8, lost: 1 } } }),
      /outcomes: 1 lost/,
    ],
    ['the books do not balance', records({ audit: ['hot: stock'] }), /audit: hot: stock/],
    [
      'the crowd did not come',
      told({ shoppers: { due: 20, played: 19, notPlayed: { full: 1 }, ends: {} } }),
      /crowd: 19 of 20/,
    ],
    [
      'nobody is known',
      told({ shoppers: { due: 20, played: 20, notPlayed: {}, ends: { 'no identity': 20 } } }),
      /20 had no identity/,
    ],
    ['it was stopped', { isComplete: false }, /crowd/],
    [
      'answers are slow',
      told({ calls: { buy: { sent: 9, verdicts: {}, times: times(101) } } }),
      /answered: .* 99 within 101 ms; at most 100/,
    ],
    ['outcomes are slow', told({ outcomeTimes: times(1_001) }), /decided/],
  ])('%s', (_, change, expected) => {
    const found = wrong(change);
    if (expected === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringMatching(expected)]);
  });
});

it('is refused beside a real sale that is open or opens meanwhile', () => {
  const at = (seconds: number) => new Date(seconds * 1_000);
  const one = { sale: 'autumn', opensAt: at(100), closesAt: at(200), isCalledOff: false };
  const told = (now: number, ms: number, change = {}) =>
    disturbed([{ ...one, ...change }], at(now), ms);
  expect(told(150, 1)).toContain('autumn is open');
  expect([told(90, 9_000), told(200, 9_000)]).toEqual([undefined, undefined]);
  expect(told(90, 10_000)).toContain('autumn opens at 1970-01-01T00:01:40.000Z');
  expect(told(150, 1, { isCalledOff: true })).toBeUndefined();
  expect(told(150, 1, { sale: shadow.desired.sale })).toBeUndefined();
  const plan = readPlan(usualPlan(shadow, { withinMs: 9_000, shop: 'http://x' }), 'x.yaml');
  expect(lastsMs(plan, 5_000)).toBeGreaterThanOrEqual(5_000 + 9_000 + plan.patienceMs);
});

it('a removal waits for what is admitted, and until nodes that died are settled', () => {
  const skus = (admitted: number, decided: number) => ({ [tv]: { admitted, decided } });
  const under = (reports: object, living: string[]) =>
    underWay(new Map(Object.entries(reports)), living, (name) => name === tv);
  const [busy, idle] = [{ skus: skus(5, 3) }, { skus: skus(5, 5) }];
  expect(under({ a: idle, b: undefined, c: { skus: {} } }, ['a'])).toBeUndefined();
  expect(under({ a: busy, b: idle }, ['a', 'b'])).toContain('2 units');
  // It may have admitted more since its last report.
  expect(under({ a: idle, b: idle }, ['a'])).toContain('settled b');
  expect(under({ b: { ...idle, final: true } }, [])).toBeUndefined();
});

it('the model is asked about the busiest second, the mix of the crowd and the size of the shop', () => {
  const { costs } = readCosts();
  const measured = { webSeconds: 1, workerSeconds: undefined, generatorSeconds: 0.05, seconds: 2 };
  const shop = { webNodes: 2, workers: 1, cores: undefined };
  const orders = { all: 8, perSecond: 4 };
  const found = compare(report, orders, shop, measured, costs as CostValues);
  expect(found.busiest).toEqual({ presses: 25, tickets: 16, orders: 4 });
  expect(found.limits.map(({ limit }) => limit)).toEqual([
    ...['threads of the web nodes', 'threads of the workers'],
  ]);
  const perRequest =
    (22 * costs.web_us_a_shed_press +
      20 * costs.web_us_a_ticket +
      8 * costs.web_us_an_order +
      15 * costs.web_us_a_wait) /
    50;
  const full = (2 * (1 - costs.web_idle_cores) * 1e6) / perRequest;
  expect(found.limits[0]?.perSecond).toBeCloseTo(full);
  expect(found.usedShare).toBeCloseTo(41 / full);
  expect(found.needs).toEqual({ webNodes: 2, workers: 2 });
  expect(found.cpu).toMatchObject([
    { part: 'web nodes', measuredSeconds: 1 },
    { part: 'workers', measuredSeconds: undefined },
  ]);
  const here = compare(report, orders, { ...shop, cores: 1 }, measured, costs as CostValues);
  expect(here.limits[0]?.limit).toBe('cores of the machine');
  const text = (about: string) => {
    const findings = [{ about, isWell: false, text: '' }];
    const rest = { sale: 'spring', isWell: false, skus: [], comparison: found, report };
    return rehearsalText({ ...rest, findings }, readCosts(), () => '');
  };
  expect(text('crowd')).toContain('the shadow is removed');
  expect(text(REMOVAL)).not.toContain('the shadow is removed');
});

it('a process of another release is found, and one that does not answer is no obstacle', async () => {
  const server = createServer((request, response) => {
    expect(request.url).toContain('name=flashsale_release');
    response.end('flashsale_release{release="0.1.0",process="worker"} 1\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const monitors = [url, 'http://127.0.0.1:1'];
  expect(await othersThan('0.2.0', monitors)).toEqual([`${url} has release 0.1.0`]);
  expect(await othersThan('0.1.0', monitors)).toEqual([]);
  server.close();
});
