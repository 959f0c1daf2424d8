import { parseArgs } from 'node:util';

/** Command-line options of the database benchmark. */

export const USAGE = `npm run bench -- db [--json] [--quick] [--only <part>,…] [--rounds N] [--seconds N]
                     [--history N] [--hold-seconds N] [--plot FILE]
  --json          print progress on stderr. The last line is one JSON object in any case
  --quick         2 rounds of 2 s, 200,000 old orders, a snapshot held for 20 s: about 4 minutes
  --only          run only these parts: ways, full, snapshot, goods, wide, plots
  --rounds        rounds, in each of which every way runs once            (3)
  --seconds       length of one run                                       (3)
  --history       orders in the sale that is full                         (10000000)
  --hold-seconds  how long a snapshot is held                             (300)
  --plot          write an SVG of orders/s over batch size and slots
DATABASE_URL names a server (a superuser's URL); without it, a private one is started and removed.`;

const PARTS = ['ways', 'full', 'snapshot', 'goods', 'wide', 'plots'] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly json: boolean;
  readonly parts: readonly Part[];
  readonly rounds: number;
  readonly seconds: number;
  readonly history: number;
  readonly holdSeconds: number;
  readonly plot: string | undefined;
}

export class UsageError extends Error {}

function count(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${name} takes 1 or more`);
  return value;
}

/** @throws {UsageError} */
export function parseOptions(args: readonly string[]): BenchOptions {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        json: flag,
        quick: flag,
        only: text,
        rounds: text,
        seconds: text,
        history: text,
        'hold-seconds': text,
        plot: text,
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const quick = values['quick'] === true;
  const given = (name: string) => values[name] as string | undefined;
  const parts = given('only')?.split(',') ?? PARTS;
  const wrong = parts.find((part) => !PARTS.some((known) => known === part));
  if (wrong !== undefined) throw new UsageError(`no part ${JSON.stringify(wrong)}`);
  return {
    json: values['json'] === true,
    parts: parts as readonly Part[],
    rounds: count('rounds', given('rounds'), quick ? 2 : 3),
    seconds: count('seconds', given('seconds'), quick ? 2 : 3),
    history: count('history', given('history'), quick ? 200_000 : 10_000_000),
    holdSeconds: count('hold-seconds', given('hold-seconds'), quick ? 20 : 300),
    plot: given('plot'),
  };
}
