import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { type Costs, readCosts } from '../capacity/costs.ts';
import { addressesOf } from '../doctor/sources/addresses.ts';
import { readPlan } from '../load/plan/read.ts';
import { PLAN_MS_MAX } from '../load/plan/schema.ts';
import { reportHtml } from '../load/report/html.ts';
import { planOfShadow, usualPlan } from '../rehearse/crowd.ts';
import { type Rehearsal, rehearse, removeRehearsals } from '../rehearse/run.ts';
import type { Shadow } from '../rehearse/shadow.ts';
import { rehearsalText } from '../rehearse/text.ts';
import { durationMs } from '../sale/times.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { parseProcesses, progressLine, targetOf } from './crowd.ts';
import { withSessions } from './databases.ts';
import { withSalePlace } from './sale-place.ts';
import { table } from './table.ts';
import { who } from './who.ts';

/** `flashsale rehearse SALE`: sells a shadow of the sale to a crowd, and removes it without a trace. */

const OPENS_IN_MS_MIN = 10_000;
const HOUR_MS = 3_600_000;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

interface Options {
  readonly shop?: string;
  readonly visitors?: number;
  readonly within: number;
  readonly key?: string;
  readonly plan?: string;
  readonly processes: number;
  readonly opensIn: number;
  readonly besideOpenSales?: boolean;
  readonly answeredWithin: number;
  readonly decidedWithin: number;
  readonly cores?: number;
  readonly costs?: string;
  readonly out?: string;
  readonly remove?: boolean;
  readonly json?: boolean;
}

function whole(most: number) {
  return (value: string): number => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < 1 || number > most) {
      throw new InvalidArgumentError(`It is a whole number from 1 to ${most}, such as 3000.`);
    }
    return number;
  };
}

function time(least: number, most: number) {
  return (value: string): number => {
    const ms = value.endsWith('ms') ? Number(value.slice(0, -2)) : durationMs(value);
    if (ms === undefined || !Number.isInteger(ms) || ms < least || ms > most) {
      throw new InvalidArgumentError(
        `It is a time such as 500ms, 30s or 2m, from ${least / 1_000} s to ${most / 1_000} s.`,
      );
    }
    return ms;
  };
}

/** Monitor ports tell the CPU of processes. A shop that names none is rehearsed without it. */
function monitorsOf({ environment }: CommandContext): readonly string[] {
  try {
    return addressesOf(environment).monitors ?? [];
  } catch {
    return [];
  }
}

/** The text of the crowd's plan. A plan that is wrong is refused before anything is put on. */
function planOf(sale: string, shop: string, { plan, visitors, within, key }: Options) {
  if (plan === undefined) {
    const keyFile = key === undefined ? undefined : resolve(key);
    const usual = { visitors, withinMs: within, keyFile, shop };
    return { planFile: 'rehearsal.yaml', planFor: (shadow: Shadow) => usualPlan(shadow, usual) };
  }
  const text = readFileSync(plan, 'utf8');
  readPlan(text, plan);
  return { planFile: plan, planFor: (shadow: Shadow) => planOfShadow(text, sale, shadow) };
}

async function tell(found: Rehearsal, costs: Costs, { out, json }: Options): Promise<void> {
  if (!found.isWell) process.exitCode = 1;
  const { machine, measuredOn } = costs;
  const { report, ...rest } = found;
  const whole = JSON.stringify({ ...rest, costs: { machine, measuredOn }, report });
  if (out !== undefined) {
    await writeFile(`${out}.json`, whole);
    await writeFile(`${out}.html`, reportHtml(report));
  }
  console.log(json ? whole : rehearsalText(found, costs, table));
}

async function run(context: CommandContext, sale: string, options: Options): Promise<void> {
  const { json } = options;
  const say = (text: string) => (json ? console.error(text) : console.log(text));
  if (options.remove) {
    const many = await withSalePlace(context, 'ops', (place) =>
      removeRehearsals({ place, sale, say }),
    );
    if (json) console.log(JSON.stringify({ sale, removed: many }));
    else console.log(many === 0 ? `no rehearsal of ${sale} has left anything` : 'removed');
    return;
  }
  const shop = targetOf(context, options.shop);
  const plan = planOf(sale, shop, options);
  const costs = readCosts(options.costs);
  const stopping = new AbortController();
  // The first Ctrl-C sends the crowd home, and the shadow is removed. The second one ends at once.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      say(`the crowd goes home, and the shadow is removed; another ${name} leaves it`);
      stopping.abort(new Error('the rehearsal was stopped'));
    });
  }
  const line = progressLine();
  const isHere = LOOPBACK.test(new URL(shop).hostname);
  const found = await withSalePlace(context, 'ops', (place) =>
    rehearse({
      ...{ place, sale, shop, ...plan, costs, say, show: line.show },
      who: who(),
      opensInMs: options.opensIn,
      besideOpenSales: options.besideOpenSales === true,
      processes: options.processes,
      monitors: monitorsOf(context),
      cores: options.cores ?? (isHere ? availableParallelism() : undefined),
      bounds: { answeredWithinMs: options.answeredWithin, decidedWithinMs: options.decidedWithin },
      withSessions: (work) => withSessions(context, 'ops', work),
      stopping: stopping.signal,
    }),
  ).finally(line.end);
  await tell(found, costs, options);
}

export const addRehearse: AddCommand = (program, context) => {
  program
    .command('rehearse')
    .description(
      'sell a shadow of a sale to a crowd, compare it with the capacity model, remove it',
    )
    .argument('<sale>', 'a sale that the shop has')
    .option('--visitors <n>', 'shoppers who come (more than there are units)', whole(1_000_000))
    .addOption(
      new Option('--within <time>', 'time within which they come')
        .argParser(time(1_000, PLAN_MS_MAX))
        .default(60_000, '60s'),
    )
    .option(
      '--key <file>',
      'the secret or key that signs their tokens; without it, guests of the demo',
    )
    .addOption(
      new Option(
        '--plan <file>',
        'the plan of another crowd (docs/load.md), instead of these three',
      ).conflicts(['visitors', 'within', 'key']),
    )
    .option('--shop <url>', 'the address of the shop; without it, SHOP_URL or the local stack')
    .option('--processes <n>', 'play in so many processes of this machine', parseProcesses, 1)
    .addOption(
      new Option('--opens-in <time>', 'when the shadow opens')
        .argParser(time(OPENS_IN_MS_MIN, HOUR_MS))
        .default(60_000, '60s'),
    )
    .option(
      '--beside-open-sales',
      'although a sale is open or opens, whose shoppers feel the crowd',
    )
    .addOption(
      new Option('--answered-within <time>', 'bound for 99 of 100 presses')
        .argParser(time(1, HOUR_MS))
        .default(1_000, '1s'),
    )
    .addOption(
      new Option('--decided-within <time>', 'bound for 99 of 100 outcomes')
        .argParser(time(1, HOUR_MS))
        .default(10_000, '10s'),
    )
    .option('--cores <n>', 'cores that the shop and the crowd share (here)', whole(10_000))
    .option('--costs <file>', 'costs of another machine (bench -- capacity --write)')
    .option('--out <name>', 'write <name>.json, and the report of the crowd as <name>.html')
    .option('--remove', 'only remove what a rehearsal that was killed has left')
    .option('--json', 'print the result as one line of JSON')
    .addHelpText('after', '\nExit status: 0 well, 1 not')
    .action((sale: string, options: Options) => run(context, sale, options));
};
