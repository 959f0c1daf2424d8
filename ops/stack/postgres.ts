import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, rename } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endProcess, identify, type UserIds } from './processes.ts';
import type { PostgresPrograms } from './programs.ts';
import type { ProcessSpec } from './supervisor.ts';

/** A private PostgreSQL: its data folder, settings for a sale, command line and readiness check. */

export interface PostgresInstance {
  /** Folder of `data/` and the files beside it. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  readonly logFile: string;
  /** The user that the server runs as; PostgreSQL refuses root. Undefined: the present one. */
  readonly user: UserIds | undefined;
  readonly sharedBuffersMb: number;
  /** See `LaunchOptions`. */
  readonly niceness?: number | undefined;
}

/** Login and database of the local stack; like Docker's official image, the login is a superuser. */
export const POSTGRES_USER = 'flashsale';
export const POSTGRES_DATABASE = 'flashsale';

const MAJOR_DEFAULT = 15;
const run = promisify(execFile);

/**
 * A checkpoint comes when half as much WAL is written. After it, each page of an index that is changed goes whole to the
 * WAL once. When this was as little as two gigabytes, it happened to most orders of a large sale (docs/decisions/0081).
 */
const WAL_PER_BUFFERS = 8;
const WAL_MAX_MB = 8_192;
const BUFFERS_MIN_MB = 128;
const BUFFERS_MAX_MB = 4_096;

/** A quarter of the memory, as PostgreSQL recommends, within limits. Pages that nobody used take no memory. */
export function sharedBuffersMb(): number {
  const quarterMb = Math.floor(totalmem() / 4 / 2 ** 20);
  return Math.max(BUFFERS_MIN_MB, Math.min(BUFFERS_MAX_MB, quarterMb));
}

export function settings({
  port,
  sharedBuffersMb: buffersMb,
}: Pick<PostgresInstance, 'port' | 'sharedBuffersMb'>): string {
  return `# Written at each start. Your own settings: ALTER SYSTEM SET …, which takes precedence over this file.
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = ${buffersMb}MB
fsync = on
synchronous_commit = on
wal_buffers = 16MB
min_wal_size = 256MB
max_wal_size = ${Math.min(WAL_MAX_MB, buffersMb * WAL_PER_BUFFERS)}MB
checkpoint_timeout = 15min
random_page_cost = 1.1
# Calls of routines that last a millisecond gain nothing from compiling them.
jit = off
# Nor does a look of the cockpit's: on all cores at once it would hold up every shopper.
max_parallel_workers_per_gather = 0
# Slots are updated thousands of times a second: their dead tuples must go soon.
autovacuum_naptime = 5s
autovacuum_vacuum_cost_limit = 2000
log_lock_waits = on
log_min_duration_statement = 1s
# Parameters of statements may be packets of a pot and its salt, and users: no log has them.
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
log_line_prefix = '%m [%p] %a '
track_functions = pl
timezone = 'UTC'
`;
}

/** An existing data folder needs the version that created it; a new folder takes any. */
export function choose(
  programs: readonly PostgresPrograms[],
  dataFolder: string,
): PostgresPrograms {
  const [newest] = programs;
  if (newest === undefined) throw new Error('PostgreSQL is not installed');
  const versionFile = join(dataFolder, 'PG_VERSION');
  if (!existsSync(versionFile)) return newest;
  const major = Number(readFileSync(versionFile, 'utf8')) || MAJOR_DEFAULT;
  const match = programs.find((candidate) => candidate.major === major);
  if (match !== undefined) return match;
  throw new Error(
    `${dataFolder} was created by PostgreSQL ${major}, which is not installed. ` +
      `Install postgresql-${major}, or remove the folder to start with an empty database.`,
  );
}

async function initialise(instance: PostgresInstance, bin: string, dataFolder: string) {
  const { folder, user } = instance;
  // Created beside the final path and then moved, so that a killed initdb leaves no data folder.
  const fresh = join(folder, 'data.new');
  const passwordFile = join(folder, 'password.new');
  rmSync(fresh, { recursive: true, force: true });
  writeFileSync(passwordFile, instance.password, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  const identity = ['--username', POSTGRES_USER, '--pwfile', passwordFile];
  const format = ['--encoding', 'UTF8', '--locale', 'C.UTF-8', '--data-checksums'];
  await run(
    join(bin, 'initdb'),
    ['--pgdata', fresh, '--auth', 'scram-sha-256', ...identity, ...format],
    { cwd: folder, env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' }, ...user },
  );
  rmSync(passwordFile);
  await appendFile(join(fresh, 'postgresql.conf'), "\ninclude = 'flashsale.conf'\n");
  await rename(fresh, dataFolder);
}

/**
 * After a hard kill `postmaster.pid` stays. If the postmaster still serves this folder, it is ended.
 * If it is gone, the file is removed: its pid may belong to another process of the same user now, and
 * then PostgreSQL would refuse to start.
 */
async function clearStalePid(dataFolder: string): Promise<void> {
  const file = join(dataFolder, 'postmaster.pid');
  if (!existsSync(file) || process.platform !== 'linux') return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const identity = Number.isInteger(pid) && pid > 1 ? identify(pid) : undefined;
  if (identity !== undefined) {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (commandLine.split('\0').includes(dataFolder)) {
      await endProcess(identity, { signal: 'SIGINT', graceMs: 10_000 });
    }
  }
  rmSync(file, { force: true });
}

export function postgresUrl({ port, password }: { port: number; password: string }): string {
  return `postgres://${POSTGRES_USER}:${password}@127.0.0.1:${port}/${POSTGRES_DATABASE}`;
}

/** Creates the database if the server has none. Returns what is in the way; undefined if it is there. */
export async function databaseMissing(
  bin: string,
  port: number,
  password: string,
): Promise<string | undefined> {
  const client = { env: { PGPASSWORD: password, PGCONNECT_TIMEOUT: '2', LC_ALL: 'C.UTF-8' } };
  const where = ['-h', '127.0.0.1', '-p', String(port), '-U', POSTGRES_USER];
  const query = `SELECT count(*) FROM pg_database WHERE datname = '${POSTGRES_DATABASE}'`;
  try {
    const ask = ['-d', 'postgres', '-XAtc', query];
    const { stdout } = await run(join(bin, 'psql'), [...where, ...ask], client);
    if (stdout.trim() === '0') {
      await run(join(bin, 'createdb'), [...where, POSTGRES_DATABASE], client);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

/**
 * Creates the data folder when it is missing and returns how to run the server.
 *
 * @throws {Error} when initdb fails or no installed version can serve the folder
 */
export async function preparePostgres(
  instance: PostgresInstance,
  programs: readonly PostgresPrograms[],
): Promise<ProcessSpec> {
  const { folder, port, password, user } = instance;
  const dataFolder = join(folder, 'data');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const { bin } = choose(programs, dataFolder);
  if (!existsSync(join(dataFolder, 'PG_VERSION'))) await initialise(instance, bin, dataFolder);
  await clearStalePid(dataFolder);
  const settingsFile = join(dataFolder, 'flashsale.conf');
  writeFileSync(settingsFile, settings(instance), { mode: 0o600 });
  if (user !== undefined) chownSync(settingsFile, user.uid, user.gid);

  return {
    name: 'postgres',
    command: join(bin, 'postgres'),
    args: ['-D', dataFolder],
    env: { LC_ALL: 'C.UTF-8', TZ: 'UTC', PATH: '/usr/bin:/bin' },
    cwd: folder,
    logFile: instance.logFile,
    user,
    ...(instance.niceness !== undefined && { niceness: instance.niceness }),
    stopSignal: 'SIGINT',
    // SIGKILL would leave the shared memory segment and, for a moment, child processes.
    discardSignal: 'SIGQUIT',
    stopGraceMs: 15_000,
    readyTimeoutMs: 300_000,
    notReady: () => databaseMissing(bin, port, password),
  };
}
