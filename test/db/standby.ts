import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../ops/stack/ports.ts';
import { userIds } from '../../ops/stack/processes.ts';
import { findPostgres } from '../../ops/stack/programs.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';
import { openPool } from './database.ts';

/** A hot standby of a PostgreSQL server. */
export interface Standby {
  /** The same database on the standby. */
  urlOf(url: string): string;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** The command by which it archives; only for a standby that was started with `archives`. */
  archiveBy(command: 'true' | 'false'): Promise<void>;
  /** Makes it a primary, and waits until it takes writes. */
  promote(): Promise<void>;
  remove(): Promise<void>;
}

const run = promisify(execFile);

/**
 * @param url a superuser's URL of the primary
 * @param options.archives whether it archives what it receives
 */
export async function startStandby(
  url: string,
  { archives = false }: { readonly archives?: boolean } = {},
): Promise<Standby> {
  const [programs] = findPostgres({ path: process.env['PATH'] ?? '', root: '/' });
  if (programs === undefined) throw new Error('PostgreSQL is not installed');
  const home = new TestFolder();
  const folder = join(home.path, 'standby');
  const user = process.getuid?.() === 0 ? userIds('postgres') : undefined;
  mkdirSync(folder, { mode: 0o700 });
  chmodSync(home.path, 0o711);
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const { hostname, port, username, password } = new URL(url);
  const env = { PGPASSWORD: password, PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' };
  const data = join(folder, 'data');
  await run(
    join(programs.bin, 'pg_basebackup'),
    [
      ...['-h', hostname, '-p', port, '-U', username, '-D', data, '-X', 'stream'],
      ...['--checkpoint=fast', '--write-recovery-conf', '--no-sync'],
    ],
    { env, cwd: folder, ...user },
  );
  const archiving = archives ? ['-c', 'archive_mode=always'] : [];
  const ownPort = await freePort();
  const urlOf = (of: string) => {
    const own = new URL(of);
    own.port = String(ownPort);
    return own.href;
  };
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const pool = openPool(urlOf(url), 1);
  const call = async (text: string) => {
    await pool.query({ text });
  };
  await supervisor.start({
    name: 'standby',
    command: join(programs.bin, 'postgres'),
    args: ['-D', data, '-p', String(ownPort), '-c', 'fsync=off', ...archiving],
    env,
    cwd: folder,
    logFile: join(home.path, 'standby.log'),
    user,
    stopSignal: 'SIGINT',
    discardSignal: 'SIGQUIT',
    stopGraceMs: 15_000,
    readyTimeoutMs: 300_000,
    notReady: async () => undefined,
  });
  await until('the standby answers', () => call('SELECT 1').then(() => true));
  const archiveBy: Standby['archiveBy'] = async (command) => {
    await call(`ALTER SYSTEM SET archive_command = '${command}'`);
    await call('SELECT pg_reload_conf()');
  };
  if (archives) await archiveBy('true');
  return {
    urlOf,
    pause: () => call('SELECT pg_wal_replay_pause()'),
    resume: () => call('SELECT pg_wal_replay_resume()'),
    archiveBy,
    promote: () => call('SELECT pg_promote()'),
    async remove() {
      await pool.close();
      await supervisor.stop(['standby'], { discard: true });
      home.remove();
    },
  };
}
