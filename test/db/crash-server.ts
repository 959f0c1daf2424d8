import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { postgresUrl, preparePostgres } from '../../ops/stack/postgres.ts';
import { userIds } from '../../ops/stack/processes.ts';
import { findPostgres } from '../../ops/stack/programs.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { signalFamily } from '../process-family.ts';

/** A PostgreSQL of its own that a test may crash; it is started again each time. */
export interface CrashServer {
  /** A superuser's. */
  readonly url: string;
  /** What `pg_ctl stop -m immediate` does: no checkpoint, no good-bye. */
  stopImmediately(): void;
  /** Kills one process of it, as the kernel's OOM killer would: the server restarts all the others. */
  kill(backend: number): void;
  /** Every process of it stands still (`SIGSTOP`): connections stay, and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** After `stopImmediately`, where it does not come back by itself. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** @param options `restart`: it comes back by itself when it was stopped */
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
