import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { ensureServerPackages, startNative } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { findPostgres, which } from '../../ops/stack/programs.ts';
import type { Progress } from '../../ops/stack/progress.ts';
import { newSettings } from '../../ops/stack/state.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';

/** The server that is measured: the one of DATABASE_URL, or a private one with the local stack's settings. */

export interface BenchServer {
  /** A superuser's. */
  readonly url: string;
  readonly pgbench: string;
  stop(): Promise<void>;
}

const BUFFERS_MAX_MB = 1_024;

/** @throws {Error} when there is no pgbench */
export async function startServer(
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<BenchServer> {
  const machine = { path: environment['PATH'] ?? '', root: '/' };
  await ensureServerPackages({ wanted: ['postgres'], machine, progress });
  const [programs] = findPostgres(machine);
  const pgbench = programs ? join(programs.bin, 'pgbench') : which('pgbench', machine);
  if (pgbench === undefined) throw new Error('pgbench is not installed (postgresql-contrib)');
  const given = environment['DATABASE_URL'];
  if (given !== undefined) return { url: given, pgbench, stop: async () => {} };

  const folder = mkdtempSync(join(tmpdir(), 'flashsale-bench-'));
  chmodSync(folder, 0o711);
  const port = await freePort();
  const unused = { amqp: 0, management: 0, epmd: 0, distribution: 0, zookeeper: 0 };
  const supervisor = new Supervisor({ say: progress.say, onChange: () => {}, restart: false });
  const stop = async () => {
    await supervisor.stop(['postgres'], { discard: true });
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const servers = await startNative({
      wanted: ['postgres'],
      folder,
      logFolder: join(folder, 'logs'),
      ports: { postgres: port, ...unused },
      passwords: newSettings().passwords,
      sharedBuffersMb: Math.min(BUFFERS_MAX_MB, Math.floor(totalmem() / 4 / 2 ** 20)),
      machine,
      progress,
      supervisor,
    });
    if (servers.databaseUrl === undefined) throw new Error('PostgreSQL did not start');
    return { url: servers.databaseUrl, pgbench, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
