import { databaseUrl, parseEnvironment } from '../../contracts/config.ts';
import {
  type DatabaseUrls,
  databaseUrls,
  hotDatabaseSpecs,
  readSpecs,
  readUrls,
} from '../../contracts/database-config.ts';
import { REGULAR, schemaOf } from '../../contracts/homes.ts';
import {
  createPool,
  Databases,
  openSession,
  type Pool,
  type Role,
  type Session,
} from '../../db/client/pool.ts';
import type { HomeSessions } from '../../db/export.ts';
import { openInstaller } from '../../db/install/installer.ts';
import type { Home } from '../../db/install/rollback.ts';
import { runningStack } from '../stack/running.ts';
import { ALL_SCHEMAS } from './arguments.ts';
import type { CommandContext } from './command.ts';

/** The databases that commands use: DATABASE_URL, else those of the running local stack. */

/** Long, because the audit reads every order. */
const STATEMENT_TIMEOUT_MS = 600_000;
const LOCK_TIMEOUT_MS = 10_000;
const SESSION_OPTIONS = {
  applicationName: 'flashsale command',
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  lockTimeoutMs: LOCK_TIMEOUT_MS,
} as const;

const specs = {
  DATABASE_URL: databaseUrl({ default: undefined }),
  ...hotDatabaseSpecs,
};

function urls({ environment }: CommandContext): DatabaseUrls {
  const given = parseEnvironment(environment, specs);
  const { DATABASE_URL: own } = given;
  if (own !== undefined) return databaseUrls({ ...given, DATABASE_URL: own });
  const stack = parseEnvironment(runningStack(environment), specs);
  return databaseUrls({ ...stack, DATABASE_URL: stack.DATABASE_URL ?? '' });
}

/**
 * Calls `work` with a pool for each home and closes the pools afterwards.
 *
 * @throws {Error} when DATABASE_URL is not set and no local stack runs
 */
export async function withDatabases<T>(
  context: CommandContext,
  role: Role,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  const databases = Databases.open(urls(context), (target) =>
    createPool({
      url: target,
      role,
      // A rehearsal holds its lock while a change of a sale holds another.
      max: 3,
      applicationName: 'flashsale command',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    }),
  );
  try {
    return await work(databases);
  } finally {
    await databases.close();
  }
}

/** Opens a database that belongs to no home: a restored copy. The caller closes it. */
export function openCopy(url: string): Pool {
  const applicationName = 'flashsale command';
  return createPool({ url, max: 1, applicationName, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
}

/** Calls `work` with a session for each home, for work that needs transactions, and closes them. */
export function withSessions<T>(
  context: CommandContext,
  role: Role,
  work: (sessions: HomeSessions) => Promise<T>,
): Promise<T> {
  return openSessions(urls(context), (target) => openFor(target, role), work);
}

/** Like `withSessions`, with sessions of the standbys that answer as well. */
export function withReadSessions<T>(
  context: CommandContext,
  role: Role,
  work: (primaries: HomeSessions, standbys: HomeSessions) => Promise<T>,
): Promise<T> {
  const primaries = urls(context);
  const targets = readUrls(parseEnvironment(context.environment, readSpecs), primaries);
  // The primary serves what a standby that is away does not.
  const open = (target: string) => openFor(target, role).catch(() => undefined);
  return withSessions(context, role, (sessions) =>
    openSessions(targets, open, (standbys) => work(sessions, standbys)),
  );
}

const openFor = (target: string, role: Role) => openSession(target, { ...SESSION_OPTIONS, role });

async function openSessions<T>(
  targets: DatabaseUrls,
  open: (target: string) => Promise<Session | undefined>,
  work: (sessions: HomeSessions) => Promise<T>,
): Promise<T> {
  const opened = new Map<string, Session | undefined>();
  const sessions = new Map<string, Session>();
  try {
    for (const [home, target] of targets) {
      const session = opened.has(target) ? opened.get(target) : await open(target);
      opened.set(target, session);
      if (session !== undefined) sessions.set(home, session);
    }
    return await work(sessions);
  } finally {
    for (const session of opened.values()) await session?.close().catch(() => {});
  }
}

/** Calls `work` with the URL of each database server. */
export async function eachServer(
  context: CommandContext,
  work: (url: string) => Promise<void>,
): Promise<void> {
  for (const url of new Set(urls(context).values())) await work(url);
}

/** A server in use: a session, the wanted schemas that are in use there, and its hot home if it has one. */
interface Server extends Home {
  readonly hotHome: string | undefined;
}

/** Calls `work` with each server where one of the wanted `schemas` is in use. */
export async function withHomes(
  context: CommandContext,
  schemas: readonly string[],
  work: (servers: readonly Server[]) => Promise<void>,
): Promise<void> {
  const inUse = Map.groupBy(urls(context), ([, target]) => target);
  const homes: Server[] = [];
  try {
    for (const [target, served] of inUse) {
      const hotHome = served.find(([home]) => home !== REGULAR)?.[0];
      const present = served.flatMap(([home]) =>
        home === REGULAR ? ['regular', 'catalog'] : [schemaOf(home)],
      );
      const wanted = ALL_SCHEMAS.filter((one) => present.includes(one) && schemas.includes(one));
      if (wanted.length === 0) continue;
      homes.push({ session: await openInstaller(target), schemas: wanted, hotHome });
    }
    await work(homes);
  } finally {
    for (const { session } of homes) await session.close().catch(() => {});
  }
}

/**
 * Calls `work` for each server, with those of the wanted `schemas` that are in use there, and the home
 * that a schema is there.
 */
export function withInstallers(
  context: CommandContext,
  schemas: readonly string[],
  work: (
    session: Session,
    schemas: readonly string[],
    homeOf: (schema: string) => string,
  ) => Promise<void>,
): Promise<void> {
  return withHomes(context, schemas, async (servers) => {
    for (const { session, schemas: used, hotHome = REGULAR } of servers) {
      await work(session, used, (schema) => (schema === 'hot' ? hotHome : REGULAR));
    }
  });
}
