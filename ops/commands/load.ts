import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { isName } from '../../contracts/names.ts';
import { parseTime } from '../../contracts/times.ts';
import { arrivalsEndMs } from '../load/plan/arrivals.ts';
import { playInProcesses } from '../load/processes.ts';
import { checkRecording } from '../load/recording/format.ts';
import { readWanted } from '../load/replay/plan.ts';
import { reportHtml } from '../load/report/html.ts';
import { mergeReports } from '../load/report/merge.ts';
import {
  comparison,
  type LoadReport,
  shortcomings,
  wereAllTurnedAway,
} from '../load/report/report.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { parseProcesses, progressLine, targetOf } from './crowd.ts';
import { table } from './table.ts';

/** `flashsale load`: a crowd of whole shoppers, over HTTP alone. */

const PARTS_MAX = 1_000;
const SPEED_MIN = 0.1;
const SPEED_MAX = 100;

interface Part {
  readonly part: number;
  readonly of: number;
}

interface Options {
  readonly replay?: string;
  readonly speed: number;
  readonly sale?: string;
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

function parseSpeed(value: string): number {
  const speed = Number(value);
  if (!/^\d{1,3}(\.\d{1,3})?$/.test(value) || speed < SPEED_MIN || speed > SPEED_MAX) {
    throw new InvalidArgumentError(
      `It is a number from ${SPEED_MIN} to ${SPEED_MAX}; 2 is twice as fast.`,
    );
  }
  return speed;
}

function parseSale(value: string): string {
  if (!isName(value)) throw new InvalidArgumentError('It is the name of a sale.');
  return value;
}

function parseStart(value: string): Date {
  const at = parseTime(value);
  if (at === undefined || at.getTime() < Date.now()) {
    throw new InvalidArgumentError('It is a later time, with its zone: 2026-12-01T09:59:00+01:00.');
  }
  return at;
}

function replayText(report: LoadReport): string[] {
  const compared = comparison(report);
  if (compared === undefined) return [];
  const rows = compared.outcomes.map(({ name, ...counts }) => ({ outcome: name, ...counts }));
  const { notMade } = compared;
  const left = Object.entries(notMade).map(([what, count]) => `not repeated: ${count} ${what}`);
  return ['', table(rows), '', ...left];
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
    ...replayText(report),
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
  if (wereAllTurnedAway(report)) process.exitCode = 1;
  if (json) console.log(JSON.stringify(report));
  else console.log(`${resultText(report)}\nwritten to ${out}.html and ${out}.json`);
}

function nameOf(file: string): string {
  return basename(file, extname(file));
}

type Played = Awaited<ReturnType<typeof readWanted>>;

function checked({ plan, replay }: Played, json: boolean | undefined): void {
  const maps = (_: string, value: unknown) =>
    value instanceof Map ? Object.fromEntries(value) : value;
  const seconds = arrivalsEndMs(plan.stages) / 1_000;
  if (json) console.log(JSON.stringify(replay?.header ?? plan, maps));
  else if (replay) {
    const { calls, shoppers, fromMs, toMs } = replay.header;
    const lasts = ((toMs - fromMs) / 1_000 / replay.speed).toFixed(1);
    console.log(`${shoppers} shoppers make ${calls} calls within ${lasts} s; nothing was played`);
  } else console.log(`${plan.shoppers} shoppers arrive within ${seconds} s; nothing was played`);
}

async function load(
  context: CommandContext,
  file: string | undefined,
  options: Options,
): Promise<void> {
  const { replay: recording, speed, sale } = options;
  const planText = file === undefined ? undefined : readFileSync(file, 'utf8');
  const wanted = { planFile: file, planText, recording, speed, sale };
  const { plan, replay } = await readWanted(wanted);
  // Before the first call: half a sale is no replay.
  if (recording !== undefined) await checkRecording(recording);
  const { part, of } = options.part;
  if (options.check) return checked({ plan, replay }, options.json);
  const stopping = new AbortController();
  // The first Ctrl-C sends the crowd home, and the report is of those who came. The second one ends.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
  const line = progressLine();
  const report = await playInProcesses(
    {
      ...{ plan, replay, wanted, planFile: file ?? '', part, of, startAt: options.startAt },
      ...{ target: targetOf(context, options.shop), stopping: stopping.signal },
    },
    options.processes,
    line.show,
  ).finally(line.end);
  const suffix = of === 1 ? '' : `-part-${part}-of-${of}`;
  await tell(
    report,
    options.out ?? `${nameOf(recording ?? file ?? '')}-report${suffix}`,
    options.json,
  );
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
    .argument('[plan]', 'a file such as ops/load/plans/opening.yaml')
    .option(
      '--replay <file>',
      'play a recording of flashsale record, on the network of the plan, if any',
    )
    .option('--speed <number>', 'play it so many times as fast', parseSpeed, 1)
    .option(
      '--sale <name>',
      'play it at this sale; needed to play it at the recorded one',
      parseSale,
    )
    .option('--shop <url>', 'the address of the shop; without it, SHOP_URL or the local stack')
    .addOption(
      new Option('--part <k/n>', 'play one of n parts, on as many machines')
        .argParser(parsePart)
        .default({ part: 1, of: 1 }, '1/1'),
    )
    .option('--processes <n>', 'play in so many processes of this machine', parseProcesses, 1)
    .option('--start-at <time>', 'begin at this time, on all machines', parseStart)
    .option('--out <name>', 'write <name>.html and <name>.json')
    .option('--check', 'read the plan, and play nothing; with --json, print it for k6')
    .option('--json', 'print the report as one line of JSON')
    .action((file: string | undefined, options: Options) => load(context, file, options));
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
