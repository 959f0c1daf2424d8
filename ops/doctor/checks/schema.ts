import { seenRoutines } from '../../../db/install/look.ts';
import { migrationState } from '../../../db/install/migrate.ts';
import { type Check, count, type Finding, few, no, ok, unless } from '../check.ts';
import { allowed } from '../sources/not-known.ts';
import type { DatabaseServer } from '../sources/sources.ts';

/** Whether each database has the tables and routines of this release. */

const PREPARE = 'see docs/upgrading.md, and run prepare';

async function migrationsOf({ name, pool }: DatabaseServer): Promise<Finding[]> {
  const { missing, changed, unknown } = await allowed('the migrations', migrationState(pool));
  return [
    ...(missing.length > 0 ? [no(`${name} lacks ${few(missing)}`, PREPARE)] : []),
    ...(changed.length > 0
      ? [no(`${name} was migrated by other files than these: ${few(changed)}`, 'git status db')]
      : []),
    ...(unknown.length > 0
      ? [no(`${name} was migrated by a later release: ${few(unknown)}`, 'git describe')]
      : []),
  ];
}

export const migrations: Check = {
  name: 'migrations',
  about: 'whether each database has exactly the migrations of this release',
  async look(sources) {
    const servers = await sources.servers();
    const found = await Promise.all(servers.map(migrationsOf));
    const well = `${count(servers.length, 'database')} with all migrations of this release`;
    return unless(found.flat(), ok(well, 'psql "$DATABASE_URL" -c "TABLE public.migrations"'));
  },
};

/** State → what it means, and what to do. */
const STATES = {
  outdated: { says: 'is of an older release', command: () => 'flashsale db install' },
  drifted: { says: 'was changed by hand', command: (name: string) => `flashsale db diff ${name}` },
  missing: { says: 'is missing', command: () => 'flashsale db install' },
  pinned: {
    says: 'is rolled back',
    command: (name: string) => `flashsale db versions ${name}`,
  },
  canary: { says: 'has a canary', command: () => 'flashsale db canary status' },
} as const;

async function routinesOf({ name, homes, pool }: DatabaseServer): Promise<Finding[]> {
  const schemas = ['catalog', ...new Set(homes.map((home) => (home === 'regular' ? home : 'hot')))];
  const seen = await allowed('the routines', seenRoutines(pool, schemas));
  return Object.entries(STATES).flatMap(([state, { says, command }]) => {
    const names = seen
      .filter((one) => one.state === state)
      .map((one) => `${one.schema}.${one.name}`);
    const [first] = names;
    return first === undefined ? [] : [no(`${few(names)} of ${name} ${says}`, command(first))];
  });
}

export const routines: Check = {
  name: 'routines',
  about:
    'whether each routine and view is that of its file: not changed, old, rolled back or tried',
  async look(sources) {
    const servers = await sources.servers();
    const found = await Promise.all(servers.map(routinesOf));
    const well = `all routines and views of ${count(servers.length, 'database')} are those of the files`;
    return unless(found.flat(), ok(well, 'flashsale db routines'));
  },
};
