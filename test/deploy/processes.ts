import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VARIABLES as ofConsole, readConfig as readConsole } from '../../console/config.ts';
import { parseEnvironment } from '../../contracts/config.ts';
import { newToken } from '../../contracts/console.ts';
import { VARIABLES as ofKeeper, readConfig as readKeeper } from '../../keeper/config.ts';
import { newSecrets } from '../../ops/commands/secrets.ts';
import { LOGIN_VARIABLES, loginPasswords } from '../../ops/logins.ts';
import { missingServers, serversOfEnvironment } from '../../ops/stack/servers.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { VARIABLES as ofServer, readConfig as readServer } from '../../server/config.ts';
import { VARIABLES as ofWorker, readConfig as readWorker } from '../../worker/config.ts';

/** What each program does with the environment that a deployment gives it. */

export type Environment = Readonly<Record<string, string>>;

interface Program {
  readonly variables: readonly string[];
  readonly read: (environment: Environment) => unknown;
}

const OF_DATABASES = ['DATABASE_URL', 'HOT_DATABASE_URL', 'HOT_DATABASE_URLS'];
const OF_SERVERS = [...OF_DATABASES, 'AMQP_URL', 'ZOOKEEPER', 'ZK_ROOT'];
const OF_ALL = ['DEMO', 'LOG_LEVEL', 'ZK_AUTH', 'ZK_ACL', ...OF_SERVERS];

function readPrepare(environment: Environment) {
  const missing = missingServers(serversOfEnvironment(environment));
  if (missing.length > 0) throw new Error(missing.join());
  // No deployment gives the owner a login.
  if (Object.keys(loginPasswords(environment)).length < LOGIN_VARIABLES.length - 1) {
    throw new Error('passwords are missing');
  }
  return parseEnvironment(environment, {});
}

/** By the file that is started. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  'server/main.ts': { variables: ofServer, read: readServer },
  'worker/main.ts': { variables: ofWorker, read: readWorker },
  'keeper/main.ts': { variables: ofKeeper, read: readKeeper },
  'console/main.ts': { variables: ofConsole, read: readConsole },
  'ops/stack/prepare.ts': { variables: [...OF_ALL, ...LOGIN_VARIABLES], read: readPrepare },
};

/** The variables among these that the program does not know. */
export function unknownTo(entry: string, names: readonly string[]): string[] {
  const known = PROGRAMS[entry]?.variables ?? [];
  return names.filter(
    (name) => !known.includes(name.replace(/_FILE$/, '')) && !known.includes(name),
  );
}

const DEPLOYMENT = join(import.meta.dirname, '../../docs/deployment.md');

/**
 * Runs the lines of the document that make the URLs of hot homes: those of a new shop, or of one that grows.
 *
 * @throws {Error}
 */
export function makeHotUrls(folder: string, of: 'new' | 'grown' = 'new'): void {
  const found = [...readFileSync(DEPLOYMENT, 'utf8').matchAll(/```sh\n( *for role in [^`]*)```/g)];
  const [, lines = ''] = found[of === 'new' ? 0 : 1] ?? [];
  const { status, stderr } = spawnSync('sh', ['-euc', lines], { cwd: folder, encoding: 'utf8' });
  if (lines === '' || status !== 0) throw new Error(`the lines of the document: ${stderr}`);
}

/** A folder as `flashsale secrets new` and the document on hot homes make it, and how to remove it. */
export function makeSecrets() {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  const servers = {
    database: 'db-1.example:5432,db-2.example:5432/flashsale?target_session_attrs=read-write',
    broker: 'mq.example:5672/flashsale',
  };
  for (const [name, value] of Object.entries(newSecrets(servers, newToken()))) {
    writeFileSync(join(folder, name), value);
  }
  makeHotUrls(folder);
  return {
    folder,
    names: readdirSync(folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
