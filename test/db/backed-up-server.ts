import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { freePort } from '../../ops/stack/ports.ts';
import {
  choose,
  databaseMissing,
  POSTGRES_USER,
  postgresUrl,
  preparePostgres,
} from '../../ops/stack/postgres.ts';
import { isRunning, userIds } from '../../ops/stack/processes.ts';
import { BACKUP_PACKAGE, findPostgres } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { type ProcessSpec, Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';
import { openPool } from './database.ts';

/**
 * A PostgreSQL server with pgBackRest: its settings are ops/backup/pgbackrest.conf and ops/backup/postgresql.conf,
 * with folders and ports of their own.
 */
export interface BackedUpServer {
  /** The URL of a superuser. */
  readonly url: string;
  /** Makes the stanza and a full backup. */
  backUp(): Promise<void>;
  /** What `pgbackrest --output=json info` prints. */
  info(): Promise<string>;
  /** Stops the server, so that its last WAL is archived, sets it back to a time and starts it. */
  restoreTo(time: string): Promise<void>;
  /** Restores the end of the first history beside it, and starts that. @returns its URL, like `of` */
  startCopy(of: string): Promise<string>;
  remove(): Promise<void>;
}

const PASSWORD = 'breakable';
const STANZA = 'regular';
const run = promisify(execFile);

function settingsOf(name: string, changes: Readonly<Record<string, string>>): string {
  const text = readFileSync(new URL(`../../ops/backup/${name}`, import.meta.url), 'utf8');
  return Object.entries(changes).reduce((all, [before, after]) => {
    if (!all.includes(before)) throw new Error(`${name} has no ${before}`);
    return all.replaceAll(before, after);
  }, text);
}

export async function startBackedUpServer(): Promise<BackedUpServer> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  await ensurePackages(
    [BACKUP_PACKAGE],
    machine,
    createProgress(() => {}),
  );
  const home = new TestFolder();
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const user = process.getuid?.() === 0 ? userIds('postgres') : undefined;
  const own = (path: string) => {
    if (user !== undefined) chownSync(path, user.uid, user.gid);
    return path;
  };
  const folderOf = (name: string) => {
    const path = join(home.path, name);
    mkdirSync(path, { mode: 0o700 });
    return own(path);
  };
  chmodSync(home.path, 0o711);
  const [repository, spool, log, secrets, locks] = [
    ...['repository', 'spool', 'log', 'secrets', 'locks'],
  ].map(folderOf);
  const folder = folderOf('postgres');
  const data = join(folder, 'data');
  const port = await freePort();

  const conf = join(home.path, 'pgbackrest.conf');
  const text = settingsOf('pgbackrest.conf', {
    '/var/lib/pgbackrest': repository ?? '',
    '/var/spool/pgbackrest': spool ?? '',
    '/var/log/pgbackrest': log ?? '',
    '/var/lib/postgresql/15/main': data,
    '/var/run/postgresql': folder,
    '[global]': `[global]\nlock-path=${locks}`,
    'pg1-port=5432': `pg1-port=${port}`,
    'pg1-user=postgres': `pg1-user=${POSTGRES_USER}`,
  });
  writeFileSync(conf, text);
  writeFileSync(join(secrets ?? '', 'secret.conf'), '[global]\nrepo1-cipher-pass=of the test\n');
  own(join(secrets ?? '', 'secret.conf'));
  const options = `--config=${conf} --config-include-path=${secrets}`;
  const env = { PGPASSWORD: PASSWORD, PATH: machine.path, LC_ALL: 'C.UTF-8' };
  const pgbackrest = (...args: string[]) =>
    run('pgbackrest', [...options.split(' '), `--stanza=${STANZA}`, ...args], {
      ...{ env, cwd: folder },
      ...user,
    });

  const instance = {
    ...{ folder, port, password: PASSWORD, user, sharedBuffersMb: 64 },
    logFile: join(home.path, 'postgres.log'),
  };
  const programs = findPostgres(machine);
  const { bin } = choose(programs, data);
  const spec = await preparePostgres(instance, programs);
  const backupConf = settingsOf('postgresql.conf', { 'pgbackrest ': `pgbackrest ${options} ` });
  writeFileSync(own(join(data, 'flashsale.conf')), `\n${backupConf}`, { flag: 'a' });
  const remove = async () => {
    await supervisor.stop(['postgres', 'copy'], { discard: true });
    home.remove();
  };
  const withSocket = (one: ProcessSpec, at: string): ProcessSpec => ({
    ...one,
    args: [...one.args, '-c', `unix_socket_directories=${at}`],
  });
  const url = postgresUrl({ port, password: PASSWORD });
  const main = withSocket(spec, folder);
  try {
    await supervisor.start(main);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url,
    async backUp() {
      await pgbackrest('stanza-create');
      await pgbackrest('check');
      await pgbackrest('--type=full', 'backup');
    },
    info: async () => (await pgbackrest('--output=json', 'info')).stdout,
    async restoreTo(time) {
      const running = supervisor.records().filter(({ name }) => name === 'postgres');
      for (const { pid } of running) process.kill(pid, 'SIGINT');
      await until('the server has stopped', () => !running.some(isRunning));
      await pgbackrest(
        '--delta',
        '--type=time',
        `--target=${time}`,
        '--target-action=promote',
        'restore',
      );
      await supervisor.start(main);
      const pool = openPool(url, 1);
      const text = 'SELECT pg_is_in_recovery() AS is';
      await until('the restore is over', async () => {
        const [row] = await pool.query<{ is: boolean }>({ text });
        return row?.is === false;
      });
      await pool.close();
    },
    async startCopy(of) {
      const at = folderOf('copy');
      const copyData = join(at, 'data');
      const copyPort = await freePort();
      const end = ['--type=default', '--target-timeline=1', '--archive-mode=off'];
      await pgbackrest(`--pg1-path=${copyData}`, ...end, 'restore');
      const args = ['-D', copyData, '-p', String(copyPort), '-c', `unix_socket_directories=${at}`];
      const notReady = () => databaseMissing(bin, copyPort, PASSWORD);
      await supervisor.start({ ...main, name: 'copy', args, notReady });
      const copy = new URL(of);
      copy.port = String(copyPort);
      return copy.href;
    },
    remove,
  };
}
