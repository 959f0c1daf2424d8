import { join } from 'node:path';
import { ensureServerPackages } from '../../ops/stack/native.ts';
import { findPostgres, which } from '../../ops/stack/programs.ts';
import type { Progress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { startServers } from '../shop.ts';

/** The measured server: DATABASE_URL, or a private one with the local stack's settings. */

export interface BenchServer {
  /** The URL of a superuser. */
  readonly url: string;
  readonly pgbench: string;
  /** Removed together with the server. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** @throws {Error} when pgbench is not installed */
export async function startServer(
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<BenchServer> {
  const machine = { path: environment['PATH'] ?? '', root: '/' };
  // Needed even if another server is measured, because pgbench is part of this package.
  await ensureServerPackages({ wanted: ['postgres'], machine, progress });
  const [programs] = findPostgres(machine);
  const pgbench = programs ? join(programs.bin, 'pgbench') : which('pgbench', machine);
  if (pgbench === undefined) throw new Error('pgbench is not installed (postgresql-contrib)');
  const { servers, folder, stop } = await startServers(['postgres'], environment, progress);
  return { url: (servers as Servers).databaseUrl, pgbench, folder, stop };
}
