import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../bench/million/options.ts';
import { problemsOf } from '../../bench/million/report.ts';

/** What the crowd is asked for, and what is said about its sale. */

describe('the options of the million', () => {
  it('are the scenario, or a sale that is there with its own products', () => {
    expect(parseOptions([])).toMatchObject({
      sale: undefined,
      products: 3,
      units: 1_000,
      keep: 0.1,
    });
    const tried = parseOptions(['--sale', 'spring', '--requests', '50000']);
    expect(tried).toMatchObject({ sale: 'spring', requests: 50_000 });
    for (const own of ['--products', '--units', '--keep']) {
      expect(() => parseOptions(['--sale', 'spring', own, '1'])).toThrow(
        'those of the sale spring',
      );
    }
  });
});

describe('the problems of a run', () => {
  const books = { outcomes: {}, undecided: 0, auditRows: [] };

  it('are told for each product by its own units', () => {
    const crowd = {
      ...{ users: 10, unanswered: 0 },
      verdicts: { A: { queued: 4 }, B: { queued: 1 }, C: { queued: 1, quota_spent: 9 } },
    };
    const problems = problemsOf(10, { A: 3, B: 2, C: 2, D: 0 }, crowd, {
      ...books,
      ordersBySku: { A: 4, B: 1, C: 1 },
    });
    expect(problems).toEqual([
      'OVERSOLD: 4 of 3 units of A',
      expect.stringMatching(/^B: 1 of 2 .* too small to sell out/),
      expect.stringMatching(/^C: 1 of 2 .* UNDERSOLD: enough requests reached the quota/),
    ]);
  });
});
