import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { playPlan } from '../../../ops/load/crowd.ts';
import { readPlan } from '../../../ops/load/plan/read.ts';
import { shortcomings } from '../../../ops/load/report/report.ts';

/** A crowd at a made-up shop that does what no real one should. */

describe('a crowd', () => {
  /** Answers a call to the page; most other calls are answered as a sale that is open. */
  let onPage: (response: ServerResponse) => void = (response) => response.end('page');
  let onOrders = () => {};
  let opensAt = new Date(0);
  const server = createServer(({ url = '' }, response) => {
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
    if (url.endsWith('/orders')) onOrders();
    if (url.endsWith('/guest')) return response.end('{"token":"t"}');
    const [serverTime, closesAt] = [new Date(), new Date(Date.now() + 3_600_000)];
    const skus = [{ sku: 'TV', availability: 'plenty', state: 'open' }];
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
    const text = `sale: ${sale}\nseed: 1\nbehaviours: { looks: 1 }\n${given}`;
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
