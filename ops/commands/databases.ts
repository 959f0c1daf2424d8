import { databaseUrl, parseEnvironment } from '../../contracts/config.ts';
import type { Schema } from '../../contracts/names.ts';
import {
  createPool,
  type Databases,
  openSession,
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

const specs = {
  DATABASE_URL: databaseUrl({ default: undefined }),
  HOT_DATABASE_URL: databaseUrl({ default: undefined }),
};

function urls({ environment }: CommandContext): Record<Schema, string> {
  const given = parseEnvironment(environment, specs);
  const from = given.DATABASE_URL === undefined ? runningStack(environment) : given;
  const regular = from['DATABASE_URL'] ?? '';
  return { regular, hot: from['HOT_DATABASE_URL'] ?? regular };
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
  const { regular, hot } = urls(context);
  const open = (target: string) =>
    createPool({
      url: target,
      role,
      max: 2,
      applicationName: 'flashsale command',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
  const first = open(regular);
  const second = hot === regular ? first : open(hot);
  try {
    return await work({ regular: first, hot: second });
  } finally {
    await first.close();
    if (second !== first) await second.close();
  }
}

/** Calls `work` with a session for each home, for work that needs transactions, and closes them. */
export async function withSessions<T>(
  context: CommandContext,
  role: Role,
  work: (sessions: HomeSessions) => Promise<T>,
): Promise<T> {
  const { regular, hot } = urls(context);
  const open = (target: string) =>
    openSession(target, {
      role,
      applicationName: 'flashsale command',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    });
  const first = await open(regular);
  const second = hot === regular ? first : await open(hot).catch(closing(first));
  try {
    return await work({ regular: first, hot: second });
  } finally {
    await first.close().catch(() => {});
    if (second !== first) await second.close().catch(() => {});
  }
}

function closing(session: Session) {
  return async (error: unknown): Promise<never> => {
    await session.close().catch(() => {});
    throw error;
  };
}

/** Calls `work` with the URL of each database server, once if both homes are on one server. */
export async function eachServer(
  context: CommandContext,
  work: (url: string) => Promise<void>,
): Promise<void> {
  for (const url of new Set(Object.values(urls(context)))) await work(url);
}

/** Calls `work` with a session for each server, and those of the wanted `schemas` that are in use there. */
export async function withHomes(
  context: CommandContext,
  schemas: readonly string[],
  work: (homes: readonly Home[]) => Promise<void>,
): Promise<void> {
  const servers = urls(context);
  const shared = servers.regular === servers.hot;
  const inUse = shared ? [ALL_SCHEMAS] : [['regular', 'catalog'], ['hot']];
  const homes: Home[] = [];
  try {
    for (const [index, home] of inUse.entries()) {
      const wanted = home.filter((schema) => schemas.includes(schema));
      if (wanted.length === 0) continue;
      const session = await openInstaller(index === 0 ? servers.regular : servers.hot);
      homes.push({ session, schemas: wanted });
    }
    await work(homes);
  } finally {
    for (const { session } of homes) await session.close().catch(() => {});
  }
}

/** Calls `work` for each server, with those of the wanted `schemas` that are in use there. */
export function withInstallers(
  context: CommandContext,
  schemas: readonly string[],
  work: (session: Session, schemas: readonly string[]) => Promise<void>,
): Promise<void> {
  return withHomes(context, schemas, async (homes) => {
    for (const home of homes) await work(home.session, home.schemas);
  });
}
