import { relative } from 'node:path';
import type { Command } from 'commander';
import {
  compareRoutines,
  type InstalledRoutine,
  installRoutines,
  leftAlone,
  restoreRoutine,
} from '../../db/install/install.ts';
import { ALL_SCHEMAS, parseRoutine, ROUTINE_FORM } from './arguments.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withInstallers } from './databases.ts';
import { table } from './table.ts';

/** `flashsale db routines|diff|restore|install`: compares the installed routines with the files. */

type Target = ReturnType<typeof parseRoutine>;

interface Compared extends InstalledRoutine {
  readonly home: string;
}

async function compared(context: CommandContext): Promise<Compared[]> {
  const found: Compared[] = [];
  await withInstallers(context, ALL_SCHEMAS, async (session, schemas, homeOf) => {
    const all = await compareRoutines(session);
    const used = all.filter(({ schema }) => schemas.includes(schema));
    found.push(...used.map((one) => ({ home: homeOf(one.schema), ...one })));
  });
  return found;
}

function chosen(routines: readonly Compared[], { schemas, name }: Target) {
  const found = routines.filter((one) => schemas.includes(one.schema) && one.name === name);
  if (found.length === 0)
    throw new Error(`there is no file of ${name}; see: flashsale db routines`);
  return found;
}

async function list(context: CommandContext, json: boolean): Promise<void> {
  const routines = (await compared(context)).map(({ diff: _, file, ...routine }) => ({
    ...routine,
    file: relative(process.cwd(), file),
  }));
  console.log(json ? JSON.stringify(routines) : table(routines));
}

/** Names the home if its schema does not. */
const of = (home: string, schema: string) =>
  home === schema || schema === 'catalog' ? '' : ` of ${home}`;

async function diff(context: CommandContext, target: Target, json: boolean): Promise<void> {
  const routines = chosen(await compared(context), target);
  if (json) {
    const facts = routines.map((one) => ({
      home: one.home,
      schema: one.schema,
      name: one.name,
      state: one.state,
      diff: one.diff,
    }));
    return console.log(JSON.stringify(facts));
  }
  for (const { home, schema, name, state, diff: text } of routines) {
    if (text === '') console.log(`${schema}.${name}${of(home, schema)}: ${state}`);
    else process.stdout.write(text);
  }
}

async function restore(context: CommandContext, target: Target, json: boolean): Promise<void> {
  const { name } = target;
  const wanted = chosen(await compared(context), target).map(({ schema }) => schema);
  const restored: { home: string; schema: string; name: string; changed: boolean }[] = [];
  await withInstallers(context, wanted, async (session, schemas, homeOf) => {
    for (const schema of schemas) {
      const before = await restoreRoutine(session, schema, name);
      restored.push({ home: homeOf(schema), schema, name, changed: before !== '' });
    }
  });
  if (json) return console.log(JSON.stringify(restored));
  for (const { home, schema, changed } of restored) {
    console.log(
      `${schema}.${name}${of(home, schema)}: ${changed ? "back to the file's version" : 'was the file’s'}`,
    );
  }
}

async function install(context: CommandContext, force: boolean, json: boolean): Promise<void> {
  const installed: string[] = [];
  const diffs: Record<string, string> = {};
  const others: string[] = [];
  await withInstallers(context, ALL_SCHEMAS, async (session) => {
    const report = await installRoutines(session, { force });
    installed.push(...report.installed);
    Object.assign(diffs, report.driftDiffs);
    others.push(...leftAlone({ ...report, drifted: [] }));
  });
  if (json) return console.log(JSON.stringify({ installed, drifted: diffs, others }));
  console.log(installed.length === 0 ? 'nothing to install' : `installed: ${installed.join(', ')}`);
  for (const [name, text] of Object.entries(diffs)) {
    console.log(`${name} was changed by hand and is kept (--force overwrites it):\n${text}`);
  }
  for (const sentence of new Set(others)) console.log(sentence);
}

export const addRoutines = (db: Command, context: Parameters<AddCommand>[1]): void => {
  interface Options {
    readonly json?: boolean;
    readonly force?: boolean;
  }
  db.command('routines')
    .description(
      'list routines and views: installed, outdated, drifted (changed by hand), missing, pinned (rolled back), canary',
    )
    .option('--json', 'print the list as JSON')
    .action(({ json }: Options) => list(context, json === true));
  db.command('diff')
    .description("show what the database has against the file's version")
    .argument('<routine>', ROUTINE_FORM, parseRoutine)
    .option('--json', 'print the differences as JSON')
    .action((target: Target, { json }: Options) => diff(context, target, json === true));
  db.command('restore')
    .description("go back to the file's version, while the sale runs")
    .argument('<routine>', ROUTINE_FORM, parseRoutine)
    .option('--json', 'print what was restored as JSON')
    .action((target: Target, { json }: Options) => restore(context, target, json === true));
  db.command('install')
    .description('install new and changed files; drifted routines are listed and kept')
    .option('--force', 'overwrite drifted routines too')
    .option('--json', 'print the report as JSON')
    .action(({ force, json }: Options) => install(context, force === true, json === true));
};
