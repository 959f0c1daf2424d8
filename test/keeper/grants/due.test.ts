import { expect, it } from 'vitest';
import { SettledNodes } from '../../../keeper/dead-nodes.ts';
import { newsOf, PlansDue } from '../../../keeper/grants/due.ts';
import type { View } from '../../../keeper/grants/facts.ts';
import { decodeReport } from '../../../zk/tree/report.ts';

/** A SKU is planned again when something that its plan depends on has changed, and otherwise rarely. */

const SKUS = new Map([
  ['TV', {}],
  ['radio', {}],
]);
const settled = new SettledNodes(['hot']);

function view(units: Record<string, number>, fields: Partial<View> = {}): View {
  const counts = Object.entries(units).map(
    ([sku, free]) => [sku, { sku, unitsTotal: 100, free }] as const,
  );
  return {
    alive: new Set(),
    reports: new Map(),
    settled,
    counts: new Map(counts),
    fresh: new Set(Object.keys(units)),
    covered: new Map(),
    ...fields,
  };
}

/** After a first look that planned everything, with 5 free units each. */
function planned(): PlansDue {
  const due = new PlansDue();
  const first = [...due.of(SKUS, view({ TV: 5, radio: 5 }), 0)];
  expect(first).toEqual(['TV', 'radio']);
  for (const sku of first) due.done(sku);
  return due;
}

it.each([
  ['nothing has changed', view({ TV: 5, radio: 5 }), []],
  ['units of one were sold', view({ TV: 4, radio: 5 }), ['TV']],
  ['one is no longer counted', view({ radio: 5 }), ['TV']],
  ['no count is fresh', view({ TV: 5, radio: 5 }, { fresh: new Set() }), ['TV', 'radio']],
  [
    'a node was settled',
    view({ TV: 5, radio: 5 }, { settled: settled.with('web', 'hot') }),
    ['TV', 'radio'],
  ],
])('%s', (_what, now, expected) => {
  expect([...planned().of(SKUS, now, 100)]).toEqual(expected);
});

it('news of a report, an edit and the time make SKUs due', () => {
  const same = view({ TV: 5, radio: 5 });
  const due = planned();
  due.add(['radio']);
  expect([...due.of(SKUS, same, 100)]).toEqual(['radio']);
  // It was not planned to its end.
  expect([...due.of(SKUS, same, 200)]).toEqual(['radio']);
  due.done('radio');
  due.addAll();
  expect(due.of(SKUS, same, 300).size).toBe(2);
  for (const sku of SKUS.keys()) due.done(sku);
  expect(due.of(SKUS, same, 400).size).toBe(0);
  expect(due.of(SKUS, same, 60_000).size).toBe(2);
});

it('a SKU that was removed is not due', () => {
  const due = planned();
  due.add(['TV']);
  expect(due.of(new Map([['radio', {}]]), view({ radio: 5 }), 100).size).toBe(0);
});

it('a report tells which SKUs it has news of: counters, and values that were applied or are gone', () => {
  const text = (admitted: number, applied: object) =>
    JSON.stringify({
      applied: { '/shop/keep': 1, ...applied },
      skus: { TV: { grant: 9, admitted }, radio: { grant: 9 } },
      at: String(Math.random()),
    });
  const first = decodeReport(text(1, { '/shop/skus/phone/grants/web': 3 }));
  const news = (...next: Parameters<typeof text>) => {
    const now = decodeReport(text(...next), first);
    const found = new Set<string>();
    if (first && now) newsOf(first, now, '/shop/skus', found);
    return [...found].sort();
  };
  expect(news(1, { '/shop/skus/phone/grants/web': 3 })).toEqual([]);
  expect(news(2, { '/shop/skus/phone/grants/web': 3 })).toEqual(['TV']);
  expect(news(1, { '/shop/skus/phone/grants/web': 4, '/shop/keep': 2 })).toEqual(['phone']);
  expect(news(1, {})).toEqual(['phone']);
});
