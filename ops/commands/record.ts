import { createReadStream } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { isName } from '../../contracts/names.ts';
import { parseTime } from '../../contracts/times.ts';
import { durationMs } from '../load/plan/read.ts';
import { type Recorded, record } from '../load/recording/record.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { targetOf } from './crowd.ts';
import { table } from './table.ts';

/** `flashsale record`: the call log of the edge as a recording that names nobody. */

interface Options {
  readonly shop?: string;
  readonly opensAt?: Date;
  readonly before?: number;
  readonly after?: number;
  readonly out?: string;
  readonly json?: boolean;
}

interface SaleFacts {
  readonly opensAtMs: number;
  readonly skus: readonly string[] | undefined;
}

const SHOP_TIMEOUT_MS = 10_000;
/** A replay lasts two hours at the most. */
const BEFORE_MS = 600_000;
const AFTER_MS = 3_600_000;

function parseDuration(value: string): number {
  const ms = durationMs(value);
  if (ms === undefined) throw new InvalidArgumentError('It is a time such as 30s, 10m or 2h.');
  return ms;
}

function parseOpening(value: string): Date {
  const at = parseTime(value);
  if (at === undefined) {
    throw new InvalidArgumentError('It is a time with its zone: 2026-12-01T10:00:00+01:00.');
  }
  return at;
}

/** From the shop, unless the opening is given. */
async function saleOf(context: CommandContext, sale: string, options: Options): Promise<SaleFacts> {
  if (options.opensAt !== undefined) {
    return { opensAtMs: options.opensAt.getTime(), skus: undefined };
  }
  const shop = targetOf(context, options.shop);
  const hint = '; --opens-at TIME records without asking the shop';
  try {
    const url = new URL(`/api/v1/sales/${sale}`, shop);
    const answer = await fetch(url, { signal: AbortSignal.timeout(SHOP_TIMEOUT_MS) });
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
    const facts = (await answer.json()) as { opensAt: string; skus: { sku: string }[] };
    return { opensAtMs: Date.parse(facts.opensAt), skus: facts.skus.map(({ sku }) => sku) };
  } catch (error) {
    throw new Error(
      `${shop} does not tell of the sale ${sale}: ${(error as Error).message}${hint}`,
    );
  }
}

function resultText({ header, skipped }: Recorded): string {
  const { calls, shoppers, fromMs, toMs, skus, answers, outcomes } = header;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const rows = Object.entries(answers).flatMap(([call, verdicts]) =>
    Object.entries(verdicts).map(([answer, count]) => ({ call, answer, count })),
  );
  const told = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  return [
    `${calls} calls of ${shoppers} shoppers, from ${seconds(fromMs)} to ${seconds(toMs)} after the opening; SKUs: ${skus.join(', ')}`,
    `purchases: ${told.join(', ') || 'none'}`,
    ...['', table(rows), ''],
    ...Object.entries(skipped).map(([what, count]) => `not recorded: ${count} ${what}`),
  ].join('\n');
}

async function run(
  context: CommandContext,
  { sale, files }: { readonly sale: string; readonly files: readonly string[] },
  options: Options,
): Promise<void> {
  if (!isName(sale)) throw new Error(`${sale} is not the name of a sale`);
  const facts = await saleOf(context, sale, options);
  const stopping = new AbortController();
  // A log that goes on, such as that of `tail -F`, ends with Ctrl-C, and what was read is written.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
  const out = options.out ?? `${sale}.recording.gz`;
  const recorded = await record({
    ...{ sale, ...facts, out },
    beforeMs: options.before ?? BEFORE_MS,
    afterMs: options.after ?? AFTER_MS,
    logs:
      files.length === 0
        ? [() => process.stdin]
        : files.map((file) => () => createReadStream(file)),
    stopping: stopping.signal,
  });
  if (options.json) console.log(JSON.stringify({ file: out, ...recorded }));
  else console.log(`${resultText(recorded)}\nwritten to ${out}`);
}

export const addRecord: AddCommand = (program, context) => {
  program
    .command('record')
    .description('make a recording of a sale, which names nobody, of the call log of the edge')
    .argument('<sale>', 'the name of the sale')
    .argument('[logs...]', 'call logs, one for each edge; standard input if there is none')
    .option('--shop <url>', 'the shop, which knows the opening; else SHOP_URL or the local stack')
    .option('--opens-at <time>', 'the opening, if the shop cannot be asked', parseOpening)
    .option('--before <time>', 'record so long before the opening; 10m', parseDuration)
    .option('--after <time>', 'record so long after the opening; 1h', parseDuration)
    .option('--out <file>', 'the recording; SALE.recording.gz if it is left out')
    .option('--json', 'print what was recorded as one line of JSON')
    .action((sale: string, files: string[], options: Options) =>
      run(context, { sale, files }, options),
    );
};
