import { afterEach, beforeEach, expect, it } from 'vitest';
import { createClock } from '../../server/public/js/clock.js';
import { watchSale } from '../../server/public/js/sale-watch.js';
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
  expect(Math.abs(clock.at(performance.now()) - Date.now())).toBeLessThan(1_000);
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

  // The watch ends when there is no such sale.
  globalThis.fetch = async () => Response.json({ verdict: 'not_found' }, { status: 404 });
  await until('it has ended', () => {
    watch.now();
    return isMissing;
  });
});
