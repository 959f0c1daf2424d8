import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Looks, simulatePages } from '../../bench/edge/pages.ts';
import { createClock } from '../../server/public/js/clock.js';
import { watchSale } from '../../server/public/js/sale-watch.js';
import { steadyNow } from '../../server/public/js/steady.js';
import { until } from '../until.ts';

/** What the page makes of answers about its sale, those that an edge has kept included. */

/** The next answer of the shop. */
let answer: { title: string; ageMs: number };
const { fetch } = globalThis;

beforeEach(() => {
  const nowMs = Date.now();
  const replaced = async () =>
    Response.json(
      {
        title: answer.title,
        state: 'open',
        opensAt: new Date(nowMs - 60_000).toISOString(),
        closesAt: new Date(nowMs + 60_000).toISOString(),
      },
      {
        headers: {
          etag: `"${answer.title}"`,
          'x-shop-time': String(Date.now() - answer.ageMs),
          'x-edge-asked': ((Date.now() - answer.ageMs) / 1_000).toFixed(3),
          'x-edge-answered': (Date.now() / 1_000).toFixed(3),
        },
      },
    );
  Object.assign(globalThis, {
    fetch: replaced,
    document: { hidden: false, documentElement: { dataset: {} } },
  });
});
afterEach(() => {
  Object.assign(globalThis, { fetch, document: undefined });
});

it('the last copy of an edge is shown only while there is nothing else, and its time is true', async () => {
  const clock = createClock();
  const titles: string[] = [];
  let isOffline = false;
  let answers = 0;
  let isMissing = false;
  const watch = watchSale('demo', clock, {
    onSale: (sale) => titles.push((sale as { title: string }).title),
    onMissing: () => {
      isMissing = true;
    },
    onAnswer: (offline) => {
      isOffline = offline;
      answers += 1;
    },
  });
  const next = async (title: string, ageMs: number) => {
    answer = { title, ageMs };
    const before = answers;
    await until('it is read', () => {
      watch.now();
      // The first one may have been asked for before.
      return answers > before + 1;
    });
  };

  answer = { title: 'an hour ago', ageMs: 3_600_000 };
  void watch.start();
  await until('the first answer', () => answers > 0);
  expect(titles).toEqual(['an hour ago']);
  // Far less than the hour, on any machine.
  expect(Math.abs(clock.at(steadyNow()) - Date.now())).toBeLessThan(60_000);
  await next('an hour ago', 3_600_000);
  expect(isOffline).toBe(true);

  await next('now', 300);
  expect([titles.at(-1), isOffline]).toEqual(['now', false]);
  await next('before', 60_000);
  await until('it says that it has no connection', () => {
    watch.now();
    return isOffline;
  });
  expect(titles.at(-1)).toBe('now');

  // One answer that there is no such sale may be of an old copy.
  const shop = globalThis.fetch;
  globalThis.fetch = async () => Response.json({ verdict: 'not_found' }, { status: 404 });
  const missed = answers;
  await until('it is missing', () => {
    watch.now();
    return isMissing;
  });
  expect(answers).toBeGreaterThan(missed + 1);
  globalThis.fetch = shop;
  titles.length = 0;
  await next('made again', 0);
  expect(titles).toContain('made again');

  // A page looks for ever. This one gets no more answers, so that it does not look into other tests.
  let isParked = false;
  globalThis.fetch = () => {
    isParked = true;
    return new Promise(() => {});
  };
  await until('it waits for an answer', () => {
    watch.now();
    return isParked;
  });
});

it('a refusal holds the page for as long as it says, whatever the shopper does', async () => {
  let calls = 0;
  globalThis.fetch = async () => {
    calls += 1;
    const headers = { 'retry-after': '3600' };
    return Response.json({ verdict: 'overloaded' }, { status: 503, headers });
  };
  let answers = 0;
  const watch = watchSale('demo', createClock(), {
    onSale() {},
    onMissing() {},
    onAnswer: () => {
      answers += 1;
    },
  });
  void watch.start();
  await until('the first answer', () => answers === 1);
  // Each turn of the event loop would be enough for a look.
  for (let turn = 0; turn < 50; turn += 1) {
    watch.now();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(calls).toBe(1);
});

it('an outage does not make pages ask more often than without one', async () => {
  const minute = 60_000;
  const pages = 100;
  const times = { pages, arriveMs: 60 * minute, afterMs: 20 * minute };
  const outagesMs = [
    [-20 * minute, -10 * minute],
    [2 * minute, 12 * minute],
  ] as const;
  const [looks, without] = [
    await simulatePages({ ...times, outagesMs }),
    await simulatePages(times),
  ];
  /** Looks of a page. */
  const inAll = (of: Looks, from: number, to: number) =>
    Array.from({ length: to - from }, (_, second) => of.get(from + second) ?? 0).reduce(
      (sum, many) => sum + many,
    ) / pages;
  // Long before the opening. Pages that are opened meanwhile, a sixth, have no sale to show and ask some times.
  expect(inAll(looks, -1_200, -600)).toBeLessThan(inAll(without, -1_200, -600) + 20 / 6);
  // While it is open.
  expect(inAll(looks, 240, 720)).toBeLessThan(inAll(without, 240, 720));
  // They come back within a minute or so.
  expect(inAll(looks, 800, 1_200)).toBeGreaterThan(0.9 * inAll(without, 800, 1_200));
});
