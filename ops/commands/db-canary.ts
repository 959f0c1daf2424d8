import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Schema } from '../../contracts/names.ts';
import {
  type Canary,
  canaries,
  placeOf,
  promoteCanary,
  startCanary,
  stopCanary,
} from '../../db/canary.ts';
import { ALL_SCHEMAS, parseRoutine, parseSchema, parseSkus, shareArgument } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { withInstallers } from './databases.ts';
import { table } from './table.ts';

/** `flashsale db canary …`: runs a second version of a routine beside the present one. */

interface Options {
  readonly schema: Schema;
  readonly share?: number;
  readonly skus?: readonly string[];
  readonly json?: boolean;
}

type Target = ReturnType<typeof parseRoutine>;
type Place = Pick<Canary, 'schema' | 'name'>;

async function running(context: CommandContext) {
  const found: (Canary & { readonly home: string })[] = [];
  await withInstallers(context, ALL_SCHEMAS, async (session, schemas, homeOf) => {
    const used = (await canaries(session)).filter(({ schema }) => schemas.includes(schema));
    found.push(...used.map((one) => ({ home: homeOf(one.schema), ...one })));
  });
  return found;
}

/** The named canary. Without a name it is the only one. */
async function chosen(context: CommandContext, target: Target | undefined): Promise<Place> {
  const found = (await running(context)).filter(
    ({ schema, name }) =>
      target === undefined || (target.name === name && target.schemas.includes(schema)),
  );
  const [one] = found;
  if (one === undefined)
    throw new Error('there is no such canary; see: flashsale db canary status');
  // Each hot home has the same canary.
  const names = new Set(found.map(({ schema, name }) => `${schema}.${name}`));
  if (names.size > 1) throw new Error(`say which one: ${[...names].join(', ')}`);
  return one;
}

async function start(context: CommandContext, file: string, options: Options): Promise<void> {
  const { schema, share = 0, skus = [], json } = options;
  if (options.share === undefined && options.skus === undefined) {
    throw new Error('say which calls it takes: --share 0.1 or --skus TV,Phone');
  }
  const source = await readFile(file, 'utf8');
  const place = placeOf(source, schema);
  await withInstallers(context, [place.schema], async (session) => {
    await startCanary(session, { schema, source, share, skus });
  });
  if (json) return console.log(JSON.stringify({ ...place, share, skus }));
  const takes = [`${share * 100} % of the calls`, ...(skus.length > 0 ? [skus.join(', ')] : [])];
  console.log(`the canary of ${place.schema}.${place.name} takes ${takes.join(' and ')}`);
}

async function status(context: CommandContext, json: boolean): Promise<void> {
  const found = await running(context);
  if (json) return console.log(JSON.stringify(found));
  if (found.length === 0) return console.log('no canary');
  for (const one of found) {
    const { present, canary, stopReason, home, schema, name, ...facts } = one;
    const { share, skus, startedAt, startedBy } = facts;
    const state = stopReason === null ? 'runs' : 'stopped';
    console.log(table([{ home, schema, name, state, share, skus, startedAt, startedBy }]));
    if (stopReason !== null) console.log(`stopped: ${stopReason}`);
    const versions = Object.entries({ present, canary });
    console.log(table(versions.map(([version, figures]) => ({ version, ...figures }))));
  }
}

export function addCanary(db: Command, context: CommandContext): void {
  const canary = db
    .command('canary')
    .description('run a second version of a routine beside the present one');
  canary
    .command('start')
    .description('let the version in a file take a share of the calls, or the calls of some SKUs')
    .argument('<file>', 'a changed copy of a file of db/procedures')
    .option('--schema <schema>', 'regular or hot', parseSchema, 'hot')
    .option('--share <share>', 'share of the calls, 0 to 1', shareArgument)
    .option('--skus <skus>', 'SKUs whose calls it always takes, separated by commas', parseSkus)
    .option('--json', 'print the result as JSON')
    .action((file: string, options: Options) => start(context, file, options));

  const ending = (
    name: string,
    description: string,
    work: typeof stopCanary,
    tell: (routine: string) => string,
  ) =>
    canary
      .command(name)
      .description(description)
      .argument('[routine]', 'such as hot.place_orders; by default the only canary', parseRoutine)
      .option('--json', 'print the result as JSON')
      .action(async (target: Target | undefined, { json }: { json?: boolean }) => {
        const place = await chosen(context, target);
        await withInstallers(context, [place.schema], (session) => work(session, place));
        const { schema, name: routine } = place;
        if (json) console.log(JSON.stringify({ schema, name: routine, done: name }));
        else console.log(tell(`${schema}.${routine}`));
      });
  ending(
    'stop',
    'end a canary: the present version decides all calls',
    stopCanary,
    (routine) => `the canary of ${routine} has ended`,
  );
  ending(
    'promote',
    'replace the routine with its canary',
    promoteCanary,
    (routine) => `the canary is now ${routine}: put its file into db/procedures`,
  );
  canary
    .command('status')
    .description('show the canaries, the figures of both versions, and why one was stopped')
    .option('--json', 'print the canaries as JSON')
    .action(({ json }: { json?: boolean }) => status(context, json === true));
}
