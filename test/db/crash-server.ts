import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { postgresUrl, preparePostgres } from '../../ops/stack/postgres.ts';
import { userIds } from '../../ops/stack/processes.ts';
import { findPostgres } from '../../ops/stack/programs.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';

/** A PostgreSQL of its own that a test may crash; it is started again each time. */
export interface CrashServer {
  /** A superuser's. */
  readonly url: string;
  /** What `pg_ctl stop -m immediate` does: no checkpoint, no good-bye. */
  stopImmediately(): void;
  /** Kills one process of it, as the kernel's OOM killer would: the server restarts all the others. */
  kill(backend: number): void;
  remove(): Promise<void>;
}

export async function startCrashServer(): Promise<CrashServer> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = { say: () => {}, step: <T>(_: string, work: () => Promise<T>) => work() };
  await ensureServerPackages({ wanted: ['postgres'], machine, progress });
  const folder = new TestFolder();
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => folder.note(processes),
    restart: true,
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
  try {
    await supervisor.start(await preparePostgres(instance, findPostgres(machine)));
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url: postgresUrl(instance),
    stopImmediately() {
      for (const { pid } of supervisor.records()) process.kill(pid, 'SIGQUIT');
    },
    kill: (backend) => void process.kill(backend, 'SIGKILL'),
    remove,
  };
}
