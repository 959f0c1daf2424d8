import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { postgresUrl, preparePostgres } from '../../ops/stack/postgres.ts';
import { signalFamily } from '../../ops/stack/process-family.ts';
import { userIds } from '../../ops/stack/processes.ts';
import { findPostgres } from '../../ops/stack/programs.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';

/** A separate PostgreSQL server that a test may crash. It is started again each time. */
export interface CrashServer {
  /** The URL of a superuser. */
  readonly url: string;
  /** A folder that the server can read. */
  readonly folder: string;
  /** Does what `pg_ctl stop -m immediate` does: the server stops without a checkpoint. */
  stopImmediately(): void;
  /**
   * Kills one backend, as the kernel's OOM killer would. The server then restarts all the others.
   */
  kill(backend: number): void;
  /**
   * Suspends every process of the server (`SIGSTOP`): connections stay open and nothing answers.
   */
  freeze(): void;
  thaw(): void;
  /** Starts the server after `stopImmediately` if it does not restart by itself. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** @param options `restart`: whether the server restarts by itself after it was stopped */
export async function startCrashServer({ restart = true } = {}): Promise<CrashServer> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = { say: () => {}, step: <T>(_: string, work: () => Promise<T>) => work() };
  await ensureServerPackages({ wanted: ['postgres'], machine, progress });
  const folder = new TestFolder();
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => folder.note(processes),
    restart,
  });
  const instance = {
    folder: join(folder.path, 'postgres'),
    port: await freePort(),
    password: 'crash',
    logFile: join(folder.path, 'postgres.log'),
    user: process.getuid?.() === 0 ? userIds('postgres') : undefined,
    sharedBuffersMb: 128,
  };
  const remove = async () => {
    await supervisor.stop(['postgres'], { discard: true });
    folder.remove();
  };
  const signal = (name: NodeJS.Signals) => {
    for (const { pid } of supervisor.records()) signalFamily(pid, name);
  };
  const spec = await preparePostgres(instance, findPostgres(machine));
  try {
    await supervisor.start(spec);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url: postgresUrl(instance),
    folder: join(folder.path, 'files'),
    stopImmediately() {
      for (const { pid } of supervisor.records()) process.kill(pid, 'SIGQUIT');
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    start: () => supervisor.start(spec),
    kill: (backend) => void process.kill(backend, 'SIGKILL'),
    remove,
  };
}
