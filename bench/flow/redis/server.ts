import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../../../ops/stack/packages.ts';
import { exchange, freePort } from '../../../ops/stack/ports.ts';
import { which } from '../../../ops/stack/programs.ts';
import type { Progress } from '../../../ops/stack/progress.ts';
import type { BenchServers } from '../../shop.ts';

/** A private Redis that writes its log to disk once a second, which is the usual setting. */

const READY_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 1_000;

/** @returns its port */
export async function startRedis(bench: BenchServers, progress: Progress): Promise<number> {
  const { machine, folder, supervisor } = bench;
  await ensurePackages(['redis-server'], machine, progress);
  const command = which('redis-server', machine);
  if (command === undefined) throw new Error('redis-server is not on the PATH');
  const port = await freePort();
  const data = join(folder, 'redis');
  mkdirSync(data, { recursive: true });
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', data];
  await supervisor.start({
    name: 'redis',
    command,
    args: [...args, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    env: { PATH: machine.path },
    cwd: data,
    logFile: join(folder, 'logs', 'redis.log'),
    stopSignal: 'SIGTERM',
    stopGraceMs: 5_000,
    readyTimeoutMs: READY_TIMEOUT_MS,
    async notReady() {
      const answer = await exchange({ host: '127.0.0.1', port }, 'PING\r\n', ANSWER_TIMEOUT_MS);
      return answer?.toString().startsWith('+PONG') ? undefined : 'no PONG';
    },
  });
  return port;
}
