import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { parseTime } from '../../contracts/times.ts';
import { arrivalsEndMs } from '../load/plan/arrivals.ts';
import { type Plan, readPlan } from '../load/plan/read.ts';
import { playInProcesses } from '../load/processes.ts';
import { reportHtml } from '../load/report/html.ts';
import { mergeReports } from '../load/report/merge.ts';
import { type LoadReport, shortcomings } from '../load/report/report.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { parseProcesses, progressLine, targetOf } from './crowd.ts';
import { table } from './table.ts';

/** `flashsale load`: a crowd of whole shoppers, over HTTP alone. */

const PARTS_MAX = 1_000;

interface Part {
  readonly part: number;
  readonly of: number;
}

interface Options {
  readonly shop?: string;
  readonly part: Part;
  readonly processes: number;
  readonly startAt?: Date;
  readonly out?: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

function parsePart(value: string): Part {
  const [, part = 0, of = 0] = /^(\d{1,4})\/(\d{1,4})$/.exec(value) ?? [];
  const [one, many] = [Number(part), Number(of)];
  if (one < 1 || one > many || many > PARTS_MAX) {
    throw new InvalidArgumentError(
      `It is like 2/4: the second of 4 parts, of at most ${PARTS_MAX}.`,
    );
  }
  return { part: one, of: many };
}

function parseStart(value: string): Date {
  const at = parseTime(value);
  if (at === undefined || at.getTime() < Date.now()) {
    throw new InvalidArgumentError('It is a later time, with its zone: 2026-12-01T09:59:00+01:00.');
  }
  return at;
}

function resultText(report: LoadReport): string {
  const { shoppers, requests, orders, calls } = report;
  const times = Object.entries(calls)
    .filter(
      ([
        ,
        {
          times: { count },
        },
      ]) => count > 0,
    )
    .map(([call, { sent, times }]) => ({
      ...{ call, sent, answers: times.count },
      ...{ p50: times.ms.p50, p99: times.ms.p99, max: times.ms.max },
    }));
  return [
    `${shoppers.played} of ${shoppers.due} shoppers played, ${requests.sent} purchases sent, ${requests.taken} taken`,
    `${orders.made} orders, ${orders.paid} paid, ${orders.cancelled} cancelled`,
    ...(times.length > 0 ? ['', table(times), ''] : []),
    ...shortcomings(report).map((text) => `! ${text}`),
  ].join('\n');
}

/** Writes `<out>.html` and `<out>.json`. */
async function write(report: LoadReport, out: string): Promise<void> {
  await writeFile(`${out}.json`, JSON.stringify(report));
  await writeFile(`${out}.html`, reportHtml(report));
}

async function tell(report: LoadReport, out: string, json: boolean | undefined): Promise<void> {
  await write(report, out);
  if (json) console.log(JSON.stringify(report));
  else console.log(`${resultText(report)}\nwritten to ${out}.html and ${out}.json`);
}

function nameOf(file: string): string {
  return basename(file, extname(file));
}

function checked(plan: Plan, json: boolean | undefined): void {
  const maps = (_: string, value: unknown) =>
    value instanceof Map ? Object.fromEntries(value) : value;
  const seconds = arrivalsEndMs(plan.stages) / 1_000;
  if (json) console.log(JSON.stringify(plan, maps));
  else console.log(`${plan.shoppers} shoppers arrive within ${seconds} s; nothing was played`);
}

async function load(context: CommandContext, file: string, options: Options): Promise<void> {
  const planText = readFileSync(file, 'utf8');
  const plan = readPlan(planText, file);
  const { part, of } = options.part;
  if (options.check) return checked(plan, options.json);
  const stopping = new AbortController();
  // The first Ctrl-C sends the crowd home, and the report is of those who came. The second one ends.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
  const line = progressLine();
  const report = await playInProcesses(
    {
      ...{ plan, planFile: file, planText, part, of, startAt: options.startAt },
      ...{ target: targetOf(context, options.shop), stopping: stopping.signal },
    },
    options.processes,
    line.show,
  ).finally(line.end);
  const suffix = of === 1 ? '' : `-part-${part}-of-${of}`;
  await tell(report, options.out ?? `${nameOf(file)}-report${suffix}`, options.json);
}

async function merge(files: readonly string[], { out, json }: Options): Promise<void> {
  const reports = files.map((file) => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as LoadReport;
    } catch (error) {
      throw new Error(`${file} cannot be read: ${(error as Error).message}`);
    }
  });
  await tell(mergeReports(reports), out ?? 'merged-report', json);
}

export const addLoad: AddCommand = (program, context) => {
  const command = program
    .command('load')
    .description('let a crowd of shoppers come to a shop, as a plan says (docs/load.md)')
    .argument('<plan>', 'a file such as ops/load/plans/opening.yaml')
    .option('--shop <url>', 'the address of the shop; without it, SHOP_URL or the local stack')
    .option('--part <k/n>', 'play one of n parts, on as many machines', parsePart, {
      part: 1,
      of: 1,
    })
    .option('--processes <n>', 'play in so many processes of this machine', parseProcesses, 1)
    .option('--start-at <time>', 'begin at this time, on all machines', parseStart)
    .option('--out <name>', 'write <name>.html and <name>.json')
    .option('--check', 'read the plan, and play nothing; with --json, print it for k6')
    .option('--json', 'print the report as one line of JSON')
    .action((file: string, options: Options) => load(context, file, options));
  command
    .command('merge')
    .description('add up the reports of the parts of a plan')
    .argument('<reports...>', 'their JSON files')
    .option('--out <name>', 'write <name>.html and <name>.json')
    .option('--json', 'print the report as one line of JSON')
    .action((files: string[], _: Options, self: { optsWithGlobals(): Options }) =>
      merge(files, self.optsWithGlobals()),
    );
};
