import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createPool, Databases, openSession, type Pool, type Role } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { databaseUrl, servers, uniqueName } from '../servers.ts';
import { until } from '../until.ts';

/** A database for one test file, copied from a template that is prepared once a run. */
export interface TestDatabase {
  readonly url: string;
  /** Pools of a role, the same pool for both schemas. `remove` closes them. */
  as(role: Role, max?: number): Databases;
  /** The login role, a superuser, for tests that inspect or damage rows. */
  readonly admin: Pool;
  /** Ends the pools and drops the database. */
  remove(): Promise<void>;
}

/** Limits for work that hangs, far longer than the slowest machine takes. */
export const PATIENCE = {
  statementTimeoutMs: 300_000,
  lockTimeoutMs: 300_000,
  connectTimeoutMs: 300_000,
} as const;

const FOLDERS = ['migrations', 'procedures', 'views'];
/** Key of the advisory lock under which the template is made. */
const TEMPLATE_LOCK = 7_300_102;

/**
 * The name depends on the files of the schema, so that a server that outlives the run never offers
 * an old template.
 */
function templateName(): string {
  const hash = createHash('sha256');
  for (const folder of FOLDERS) {
    const url = new URL(`../../db/${folder}/`, import.meta.url);
    for (const file of readdirSync(url).sort())
      hash.update(file).update(readFileSync(new URL(file, url)));
  }
  return `template_${hash.digest('hex').slice(0, 12)}`;
}

function openAdmin() {
  // On a busy machine a session may take longer than an attempt waits.
  return until('an admin session', () =>
    openSession(servers.databaseUrl, { applicationName: 'test', ...PATIENCE }),
  );
}

async function ensureTemplate(): Promise<string> {
  const name = templateName();
  const session = await openAdmin();
  try {
    await session.run(`SELECT pg_advisory_lock(${TEMPLATE_LOCK})`);
    const found = await session.query({
      text: 'SELECT FROM pg_database WHERE datname = $1',
      values: [name],
    });
    if (found.length === 0) {
      // Prepared under another name, so that an unfinished database is never taken for a template.
      const draft = uniqueName('draft');
      await session.run(`CREATE DATABASE ${draft}`);
      const url = databaseUrl(draft);
      await prepareHomes(
        new Map([
          ['regular', url],
          ['hot', url],
        ]),
      );
      await session.run(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    }
  } finally {
    await session.close();
  }
  return name;
}

/** Without `role`, the pool works as the login role. */
export function openPool(url: string, max: number, role?: Role): Pool {
  return createPool({
    url,
    max,
    applicationName: `test ${role ?? 'admin'}`,
    ...PATIENCE,
    waitTimeoutMs: PATIENCE.lockTimeoutMs,
    ...(role !== undefined && { role }),
  });
}

export async function createDatabase({ empty = false } = {}): Promise<TestDatabase> {
  const name = uniqueName('db');
  const template = empty ? 'template1' : await ensureTemplate();
  const session = await openAdmin();
  // The files are copied as they are. By default each block would go through the buffers and the WAL.
  await session.run(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  await session.close();

  const url = databaseUrl(name);
  const pools: Pool[] = [];
  const open = (max: number, role?: Role) => {
    const pool = openPool(url, max, role);
    pools.push(pool);
    return pool;
  };
  return {
    url,
    as(role, max = 4) {
      const pool = open(max, role);
      return Databases.ofOne(pool);
    },
    admin: open(4),
    async remove() {
      await Promise.all(pools.map((pool) => pool.close()));
      const last = await openAdmin();
      await last.run(`DROP DATABASE ${name} WITH (FORCE)`);
      await last.close();
    },
  };
}
