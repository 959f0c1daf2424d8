import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilMs } from '../../../ops/load/client/visit.ts';
import { playPlan } from '../../../ops/load/crowd.ts';
import { readPlan } from '../../../ops/load/plan/read.ts';
import { readWanted } from '../../../ops/load/replay/plan.ts';
import { shortcomings, wereAllTurnedAway } from '../../../ops/load/report/report.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';

/** A crowd at a made-up shop that does what no real one should. */

describe('a crowd', () => {
  /** Answers a call to the page; most other calls are answered as a sale that is open. */
  let onPage: (response: ServerResponse) => void = (response) => response.end('page');
  let onOrders = () => {};
  let onPress = () => {};
  let opensAt = new Date(0);
  let availability = 'plenty';
  /** Addresses of shoppers who want to be told. */
  const asked: string[] = [];
  const server = createServer((call, response) => {
    const { url = '', method } = call;
    if (url.startsWith('/sales/')) return onPage(response);
    response.setHeader('content-type', 'application/json');
    if (url.endsWith('/nothing')) {
      response.statusCode = 404;
      return response.end('{"verdict":"not_found"}');
    }
    if (url.endsWith('/broken')) {
      response.statusCode = 500;
      return response.end('{}');
    }
    if (url === '/api/v1/notices') return response.end('{"email":true}');
    if (url.endsWith('/notices') && method === 'POST') {
      call.setEncoding('utf8').on('data', (text) => asked.push(JSON.parse(text).email));
    }
    if (url.endsWith('/waiting')) return response.writeHead(201).end('{"status":"waiting"}');
    if (url.endsWith('/waiting?wait=10')) {
      const order = { orderNo: 'R-1', requestId: 'r', status: 'ordered' };
      return response.end(JSON.stringify({ status: 'served', order }));
    }
    if (url.endsWith('/stopped/tickets')) return response.end('{"purchaseUrl":"/api/v1/buy/t"}');
    if (url.endsWith('/buy/t')) return onPress();
    if (url.includes('/requests/')) return response.end('{"status":"sold_out"}');
    if (url.endsWith('/checkout')) return response.end('{"method":"POST","url":"/pay"}');
    if (url.endsWith('/orders/R-1')) return response.end('{"status":"paid"}');
    if (url.endsWith('/orders')) onOrders();
    if (url.endsWith('/guest')) return response.end('{"token":"t"}');
    const [serverTime, closesAt] = [new Date(), new Date(Date.now() + 3_600_000)];
    const skus = [{ sku: 'TV', availability, state: 'open' }];
    return response.end(
      JSON.stringify({ state: 'open', serverTime, opensAt, closesAt, skus, orders: [] }),
    );
  });

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  function play(given: string, stopping = new AbortController().signal, sale = 'spring') {
    const behaviours = given.includes('behaviours') ? '' : 'behaviours: { looks: 1 }\n';
    const text = `sale: ${sale}\nseed: 1\n${behaviours}${given}`;
    return playPlan({
      plan: readPlan(text, 'x.yaml'),
      planFile: 'x.yaml',
      target: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ part: 1, of: 1, startAt: undefined, stopping },
    });
  }

  it('comes when the plan says so, though the shop does not answer, up to its limit', async () => {
    const held: ServerResponse[] = [];
    onPage = (response) => held.push(response);
    const plan = 'arrivals: [{ for: 500ms, rate: 60 }]\npatience: 8s\nlimits: { shoppers: 20 }\n';
    const report = await play(plan);
    expect(held).toHaveLength(20);
    expect(report.shoppers).toMatchObject({
      ...{ due: 30, played: 20, ends: { 'out of patience': 20 } },
      notPlayed: { '20 were in the shop already (limits.shoppers)': 10 },
    });
    expect(report.calls['page']).toMatchObject({ sent: 20, verdicts: { left: 20 } });
    expect(report.bySecond.reduce((all, { arrivals }) => all + arrivals, 0)).toBe(20);
    expect(shortcomings(report).join()).toContain('10 shoppers did not play');
  });

  it('says that shoppers went away at once, and why', async () => {
    onPage = (response) => response.end('page');
    const report = await play('arrivals: [{ for: 100ms, rate: 50 }]\nskus: { Radio: 1 }\n');
    expect(shortcomings(report).join()).toContain('5 shoppers went away at once: no such SKU');
    expect(wereAllTurnedAway(report)).toBe(true);
  });

  it('counts the time from when a call was due, also while the shop stands still', async () => {
    const held: ServerResponse[] = [];
    const stop = new AbortController();
    let lists = 0;
    onOrders = () => {
      lists += 1;
      if (lists === 10) stop.abort();
    };
    onPage = (response) => {
      held.push(response);
      // It goes on when the last one has come.
      if (held.length === 10) for (const one of held) one.end('page');
    };
    const report = await play('arrivals: [{ for: 1s, rate: 10 }]\n', stop.signal);
    const { ms } = report.calls['page']?.times ?? { ms: { p50: 0, max: 0 } };
    // Who came first has waited for nearly the whole second, who came last hardly at all.
    expect(ms.max).toBeGreaterThan(600);
    expect(report.shoppers.ends).toEqual({ 'sent home': 10 });
  });

  it('goes home when it is told, and the rest does not come', async () => {
    const stop = new AbortController();
    let pages = 0;
    onPage = (response) => {
      pages += 1;
      response.end('page');
      if (pages === 3) stop.abort();
    };
    const report = await play('arrivals: [{ for: 1h, rate: 20 }]\n', stop.signal);
    const { due, played, notPlayed } = report.shoppers;
    expect(due).toBe(72_000);
    expect(played).toBeLessThan(200);
    expect(notPlayed).toEqual({ 'the run was stopped': due - played });
  });

  it('waits in the waitlist when all units are taken, and pays what it gets', async () => {
    onPage = (response) => response.end('page');
    availability = 'maybe';
    const plan = 'arrivals: [{ for: 100ms, rate: 10 }]\nbehaviours: { joins-waitlist: 1 }\n';
    const report = await play(`${plan}pauses: { press: 10ms, pay: 10ms }\n`);
    availability = 'plenty';
    expect(report.orders).toEqual({ made: 1, served: 1, paid: 1, cancelled: 0 });
    expect(report.calls).toMatchObject({ 'waitlist-join': { sent: 1 }, waitlist: { sent: 1 } });
    expect(report.calls).not.toHaveProperty('buy');
    expect(report.shoppers.ends).toEqual({ paid: 1 });
  });

  it('asks for notices at the addresses of the plan, or says that it has none', async () => {
    onPage = (response) => response.end('page');
    const plan = 'arrivals: [{ for: 100ms, rate: 20 }]\npatience: 1s\n';
    const asking = plan.concat('behaviours: { asks-for-notices: 1 }\n');
    const { generator, calls } = await play(asking);
    expect(generator.gaps).toEqual({
      'shoppers who asked for no notice, because the plan has no address (notices.email)': 2,
    });
    expect(calls).toMatchObject({ 'notice-offer': { sent: 2 }, notices: { sent: 2 } });
    const told = await play(`${asking}notices: { email: 'crowd-{number}@mail.example' }\n`);
    expect(told.generator.gaps).toEqual({});
    expect(asked.toSorted()).toEqual(['crowd-1@mail.example', 'crowd-2@mail.example']);
  });

  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  afterAll(() => rmSync(folder, { recursive: true }));
  const call = (at: number, who: string, name: string, more = {}) =>
    JSON.stringify({ at, who, from: 'here', call: name, ms: 5, verdict: 'ok', ...more });

  function recordingOf(lines: readonly string[], more = {}): string {
    const file = join(folder, 'recording.gz');
    const header = {
      ...{ format: 'flashsale-recording/1', sale: 'spring', opensAt: '', skus: ['Radio'] },
      ...{ fromMs: -2_000, toMs: 2_000, calls: lines.length, shoppers: 3 },
      ...{ answers: {}, outcomes: {}, ...more },
    };
    writeFileSync(file, gzipSync(`${JSON.stringify(header)}\n${lines.join('\n')}\n`));
    return file;
  }

  const replayed = (
    wanted: Awaited<ReturnType<typeof readWanted>>,
    stopping = new AbortController().signal,
  ) =>
    playPlan({
      ...{ ...wanted, planFile: '', part: 1, of: 1, startAt: undefined, stopping },
      target: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });

  it('of a recording makes the calls that it can, counts the others, and has a limit too', async () => {
    onPage = (response) => response.end('page');
    const lines = [
      ...[call(-2_000, 'a', 'page'), call(-1_000, 'b', 'page'), call(-900, 'c', 'page')],
      ...[
        call(0, 'a', 'orders'),
        call(100, 'a', 'ticket', { sku: 1 }),
        call(200, 'a', 'buy', { sku: 0 }),
      ],
      ...[
        call(300, 'b', 'cancel', { order: 4 }),
        call(400, 'b', 'long-poll', { request: 9, wait: 10 }),
      ],
      call(2_000, 'b', 'notice-ask'),
    ];
    const wanted = await readWanted({ recording: recordingOf(lines), speed: 20 });
    const report = await replayed({ ...wanted, plan: { ...wanted.plan, aliveMax: 2 } });
    expect(report.calls).toMatchObject({
      page: { sent: 2 },
      guest: { sent: 2 },
      orders: { sent: 1 },
    });
    expect(report.replay).toMatchObject({ speed: 20, seconds: 4, shoppers: 3 });
    expect(report.replay?.notMade).toEqual({
      'calls of shoppers beyond 2 at once (limits.shoppers)': 1,
      'calls of SKUs that the sale does not have': 1,
      'presses without a ticket': 1,
      'calls about orders that were not made here': 1,
      'status calls without a press': 1,
      'requests for notices: addresses are not recorded': 1,
    });
    expect(report.generator.gaps).toEqual({});
  });

  it('of a recording makes no more calls when it is told to go home', async () => {
    const stop = new AbortController();
    onPress = () => stop.abort();
    const [sku, request] = [{ sku: 0 }, { request: 1 }];
    const lines = [
      call(0, 'a', 'ticket', sku),
      call(1, 'a', 'buy', { ...sku, ...request }),
      call(2, 'a', 'status', request),
      call(2_000, 'a', 'orders'),
    ];
    const recording = recordingOf(lines, { skus: ['TV'] });
    const wanted = await readWanted({ recording, speed: 4, sale: 'stopped' });
    const { calls } = await replayed(wanted, stop.signal);
    expect(calls).toMatchObject({ ticket: { sent: 1 }, buy: { sent: 1, verdicts: { left: 1 } } });
    expect(calls).not.toHaveProperty('status');
    expect(calls).not.toHaveProperty('orders');
  });

  it('of a recording has a limit for the calls of one shopper that are not answered', async () => {
    const stop = new AbortController();
    let pages = 0;
    onPage = () => {
      pages += 1;
      // A browser has so many connections.
      if (pages === 6) stop.abort();
    };
    const lines = Array.from({ length: 150 }, () => call(0, 'a', 'page'));
    const wanted = await readWanted({ recording: recordingOf(lines, { fromMs: 0 }), speed: 1 });
    const { replay } = await replayed(wanted, stop.signal);
    expect(replay?.notMade).toEqual({ 'calls beyond 100 of one shopper at once': 50 });
    onPage = (response) => response.end('page');
  });

  it('of a recording does not come to the recorded sale itself, unless that one is named', async () => {
    const recording = recordingOf([call(0, 'a', 'page')], { opensAt: opensAt.toISOString() });
    const unnamed = await readWanted({ recording, speed: 100 });
    await expect(replayed(unnamed)).rejects.toThrow('is the recorded sale itself');
    const named = await readWanted({ recording, speed: 100, sale: 'spring' });
    expect((await replayed(named)).shoppers.played).toBe(1);
    // Parts of one crowd are told the name, or not.
    expect(named.plan.mark).toBe(unnamed.plan.mark);
    const elsewhere = await readWanted({ recording, speed: 100, sale: 'summer' });
    expect(elsewhere.plan.mark).not.toBe(named.plan.mark);
  });

  it('waits also longer than a timer can', async () => {
    const stop = new AbortController();
    const waiting = untilMs(performance.now() + 5e9, stop.signal);
    // A timer that is too long fires at once.
    setTimeout(() => stop.abort(), 20);
    await expect(waiting).rejects.toThrow('aborted');
  });

  it('does not come to a sale that is not there, or that opens much later, or to no shop', async () => {
    const plan = 'arrivals: [{ for: 1s, rate: 1 }]\n';
    await expect(play(plan, undefined, 'broken')).rejects.toThrow(
      'does not answer as a shop: http_500_without_a_verdict',
    );
    await expect(play(plan, undefined, 'nothing')).rejects.toThrow('has no sale nothing');
    opensAt = new Date(Date.now() + 24 * 3_600_000);
    await expect(play(plan)).rejects.toThrow('opens in more than 2 hours');
  });
});
