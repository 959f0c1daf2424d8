import type { Command } from 'commander';
import { type Rollback, releaseRoutine, rollBackRoutine } from '../../db/install/rollback.ts';
import { type KeptVersion, keptVersions } from '../../db/install/versions.ts';
import { ALL_SCHEMAS, parseReason, parseRoutine, parseVersion, ROUTINE_FORM } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { withHomes, withInstallers } from './databases.ts';
import { table } from './table.ts';
import { who } from './who.ts';

/** `flashsale db versions|rollback|release`: the kept versions of routines, and the way back to one. */

type Target = ReturnType<typeof parseRoutine>;

interface Options {
  readonly json?: boolean;
  readonly show?: number;
  readonly reason: string;
}

async function versions(
  context: CommandContext,
  target: Target | undefined,
  { show, json }: Options,
): Promise<void> {
  const found: (KeptVersion & { readonly home: string })[] = [];
  const wanted = target?.schemas ?? ALL_SCHEMAS;
  await withInstallers(context, wanted, async (session, schemas, homeOf) => {
    const kept = await keptVersions(session, target?.name);
    const used = kept.filter(({ schema }) => schemas.includes(schema));
    found.push(...used.map((one) => ({ home: homeOf(one.schema), ...one })));
  });
  const chosen = found.filter(({ version }) => show === undefined || version === show);
  if (json) return console.log(JSON.stringify(chosen));
  if (chosen.length === 0) throw new Error('no such version is kept');
  if (show !== undefined) return console.log(chosen.map(({ source }) => source).join('\n'));
  console.log(table(chosen.map(({ source: _, ...rest }) => rest)));
}

async function rollback(
  context: CommandContext,
  { name, schemas }: Target,
  version: number | undefined,
  { reason, json }: Options,
): Promise<void> {
  const done: Omit<Rollback, 'source'>[] = [];
  await withHomes(context, schemas, async (homes) => {
    const actor = { by: who(), reason };
    const all = await rollBackRoutine(homes, name, version, actor);
    done.push(...all.map(({ source: _, ...rest }) => rest));
  });
  if (done.length === 0) throw new Error(`there is no routine ${name}`);
  if (json) return console.log(JSON.stringify(done));
  for (const { schema, version: number, changed } of done) {
    const what = changed ? 'is rolled back to' : 'is already at';
    console.log(`${schema}.${name} ${what} version ${number}`);
  }
}

async function release(
  context: CommandContext,
  { name, schemas: wanted }: Target,
  { reason, json }: Options,
): Promise<void> {
  const done: { schema: string; name: string; released: boolean }[] = [];
  await withInstallers(context, wanted, async (session, schemas) => {
    for (const schema of schemas) {
      const released = await releaseRoutine(session, { schema, name }, { by: who(), reason });
      done.push({ schema, name, released });
    }
  });
  const released = done.filter((one) => one.released);
  if (json) return console.log(JSON.stringify(released));
  if (released.length === 0) throw new Error(`${name} is not rolled back`);
  for (const { schema } of released) {
    console.log(`${schema}.${name}: the next install brings the version of the file`);
  }
}

export function addVersions(db: Command, context: CommandContext): void {
  db.command('versions')
    .description('list the kept versions of routines and views')
    .argument('[routine]', ROUTINE_FORM, parseRoutine)
    .option('--show <version>', 'print the source of this version', parseVersion)
    .option('--json', 'print the versions, with their sources, as JSON')
    .action((target: Target | undefined, options: Options) => versions(context, target, options));
  db.command('rollback')
    .description('put an earlier version of a routine or view in force, and keep it there')
    .argument('<routine>', ROUTINE_FORM, parseRoutine)
    .argument(
      '[version]',
      'a number of flashsale db versions; by default the one before',
      parseVersion,
    )
    .requiredOption('--reason <text>', 'why, for the record of actions', parseReason)
    .option('--json', 'print the result as JSON')
    .action((target: Target, version: number | undefined, options: Options) =>
      rollback(context, target, version, options),
    );
  db.command('release')
    .description('let the next install replace a routine that was rolled back')
    .argument('<routine>', ROUTINE_FORM, parseRoutine)
    .requiredOption('--reason <text>', 'why, for the record of actions', parseReason)
    .option('--json', 'print the result as JSON')
    .action((target: Target, options: Options) => release(context, target, options));
}
