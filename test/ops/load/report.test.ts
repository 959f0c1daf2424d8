import { describe, expect, it } from 'vitest';
import { Draws } from '../../../ops/load/plan/draws.ts';
import { reportHtml } from '../../../ops/load/report/html.ts';
import { mergeReports } from '../../../ops/load/report/merge.ts';
import {
  comparison,
  FORMAT,
  type LoadReport,
  shortcomings,
} from '../../../ops/load/report/report.ts';
import { Tally } from '../../../ops/load/report/tally.ts';

/** The figures of a crowd: parts add up to the whole, and the report shows them. */

const CALLS = ['buy', 'ticket', 'sale'];

/** Figures of made-up calls of the shoppers of some parts, in a run that began at 0. */
function reportOf(parts: readonly number[], of: number): LoadReport {
  const tally = new Tally(0);
  for (let index = 0; index < 2_000; index += 1) {
    if (!parts.includes((index % of) + 1)) continue;
    const draws = new Draws('report', index, 'figures');
    const dueMs = draws.between(0, 90_000);
    tally.arrived(dueMs);
    tally.behaviours.add('buys');
    for (const call of CALLS) {
      tally.sent(call, dueMs, dueMs + draws.next() * 5);
      if (draws.chance(0.05)) tally.unanswered(call, 'timeout');
      else tally.answered(call, 'ok', dueMs, dueMs + 2_000 * draws.next() ** 4);
    }
    tally.outcomeAfter(draws.between(5, 500));
    tally.outcomes.add(draws.chance(0.3) ? 'ordered' : 'sold_out');
    tally.requests.sent += 1;
    tally.ends.add('paid');
    tally.alive -= 1;
  }
  tally.alive = 3;
  tally.tick(91_500, 0);
  return tally.report({
    format: FORMAT,
    plan: { mark: 'm', sale: 'spring', seed: 's', shoppers: 2_000 },
    target: 'http://shop.example',
    ...{ parts, of, beganAt: '2026-12-01T10:00:00.000Z' },
    due: parts.length * (2_000 / of),
    nowMs: 95_000,
  });
}

/** Compressed bytes may differ where the figures do not; the memory and processes are those of the run. */
function figuresOf(report: LoadReport): unknown {
  const text = JSON.stringify(report, (key, value) =>
    ['histogram', 'generator', 'parts', 'of', 'alive'].includes(key) ? undefined : value,
  );
  return JSON.parse(text);
}

const byName = (counts: object) =>
  Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b));

describe('merged reports', () => {
  const whole = reportOf([1, 2, 3, 4], 4);
  const parts = [1, 2, 3, 4].map((part) => reportOf([part], 4));

  it('have the percentiles and counts of all calls together', () => {
    const merged = mergeReports(parts);
    expect(merged.parts).toEqual([1, 2, 3, 4]);
    expect(figuresOf(merged)).toEqual(figuresOf(whole));
    expect(merged.generator.lag.ms).toEqual(whole.generator.lag.ms);
    expect(byName(merged.calls['buy']?.verdicts ?? {})).toEqual(
      byName(whole.calls['buy']?.verdicts ?? {}),
    );
    // In whatever order, and in two steps.
    const [one, two, three, four] = parts as [LoadReport, LoadReport, LoadReport, LoadReport];
    const steps = mergeReports([mergeReports([four, two]), mergeReports([three, one])]);
    expect(figuresOf(steps)).toEqual(figuresOf(whole));
  });

  it('are refused if they are of other plans, shops or divisions, or if a part is there twice', () => {
    const [one, two] = parts as [LoadReport, LoadReport];
    const otherPlan = { ...two, plan: { ...two.plan, mark: 'n' } };
    expect(() => mergeReports([one, otherPlan])).toThrow('not of the same plan');
    expect(() => mergeReports([one, { ...two, target: 'http://x' }])).toThrow('target');
    expect(() => mergeReports([one, reportOf([1], 2)])).toThrow('number of parts');
    expect(() => mergeReports([one, two, one])).toThrow('the part 1 of 4');
    expect(() => mergeReports([{} as LoadReport])).toThrow('not a report of flashsale load');
  });
});

describe('the report', () => {
  it('has every figure as text and loads nothing', () => {
    const report = reportOf([1], 1);
    const html = reportHtml({
      ...report,
      plan: { ...report.plan, sale: '<script>', seed: '"&' },
      shoppers: { ...report.shoppers, notPlayed: { '5000 were in the shop': 12 } },
    });
    expect(html).not.toMatch(/<script|<link|<img|src=|href=|url\(|@import/);
    expect(html).toContain('&lt;script&gt;');
    expect(html).toContain('12 shoppers did not play: 5000 were in the shop.');
    expect(html.match(/<svg/g)?.length).toBe(2 + CALLS.length);
    // Two charts of the crowd have one table, and each chart of a call has its own.
    expect(html.match(/<summary>As a table/g)?.length).toBe(1 + CALLS.length);
    const { p99 } = report.calls['buy']?.times.ms ?? { p99: 0 };
    expect(html).toContain(`<td class="n">${Math.round(p99).toLocaleString('en-US')}</td>`);
  });

  it('of a run of an hour stays small, as the memory of the run does', () => {
    const tally = new Tally(0);
    for (let second = 0; second < 3_600; second += 1) {
      for (let n = 0; n < 20; n += 1)
        tally.answered('buy', 'ok', second * 1_000, second * 1_000 + n * 7);
      tally.tick(second * 1_000 + 999, 0.1);
    }
    const { bySecond } = tally.report({ ...reportOf([], 1), due: 0, nowMs: 3_600_000 });
    expect(bySecond).toHaveLength(3_600);
    expect(JSON.stringify(bySecond).length).toBeLessThan(2_000_000);
  });

  it('of a replay has what was recorded beside it, also when parts are added up', () => {
    const recorded = {
      ...{ sale: 'spring', speed: 2, seconds: 90, shoppers: 2_000, calls: 6_000 },
      ...{ answers: { buy: { ok: 1_900, shed: 100 } }, outcomes: { ordered: 550, refused: 100 } },
    };
    const parts = [1, 2].map((part) => {
      const replay = { ...recorded, notMade: { 'presses without a ticket': part } };
      return { ...reportOf([part], 2), replay };
    });
    const report = mergeReports(parts);
    const { ordered = 0, sold_out = 0 } = report.requests.outcomes;
    expect(comparison(report)).toMatchObject({
      outcomes: [
        { name: 'ordered', recorded: 550, replayed: ordered },
        { name: 'refused', recorded: 100, replayed: 0 },
        { name: 'sold_out', recorded: 0, replayed: sold_out },
      ],
      notMade: { 'presses without a ticket': 3 },
    });
    const html = reportHtml(report);
    expect(html).toContain('Recorded and replayed');
    expect(html).toContain('presses without a ticket');
    expect(comparison(reportOf([1], 1))).toBeUndefined();
  });

  it('says in words what the generator could not do', () => {
    const report = reportOf([1], 1);
    expect(shortcomings(report)).toEqual([]);
    const tally = new Tally(0);
    tally.sent('buy', 0, 400);
    tally.gaps.add('challenges that were not solved', 3);
    tally.outcomes.add('queued', 2);
    const late = tally.report({ ...report, due: 1, nowMs: 1_000 });
    expect(shortcomings(late)).toEqual([
      expect.stringContaining('left 400 ms or more after it was due'),
      'challenges that were not solved: 3.',
      '2 requests had no outcome that could be looked up when the report was made.',
    ]);
  });
});
