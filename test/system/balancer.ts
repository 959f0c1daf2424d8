import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { accepts, freePort } from '../../ops/stack/ports.ts';
import { endProcess, launch, logTail } from '../../ops/stack/processes.ts';
import { findHaproxy } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';

/** A real HAProxy with the shop's own settings, in front of web nodes at known ports. */
export interface Balancer {
  readonly url: string;
  close(): Promise<void>;
}

const SETTINGS = join(import.meta.dirname, '../../ops/stack/haproxy.cfg');

/** Replaces Docker's names of nodes by addresses and keeps every rule. */
function settingsFor(port: number, nodePorts: readonly number[]): string {
  const replace = (text: string, part: string | RegExp, by: string) => {
    const replaced = text.replace(part, by);
    if (replaced === text) throw new Error(`haproxy.cfg has no ${part}`);
    return replaced;
  };
  const servers = nodePorts.map((node, at) => `    server web-${at + 1} 127.0.0.1:${node}`);
  let text = readFileSync(SETTINGS, 'utf8');
  text = replace(text, /^resolvers docker\n( {4}.*\n)+/m, '');
  text = replace(text, 'bind :8080', `bind 127.0.0.1:${port}`);
  text = replace(text, ' init-addr none resolvers docker', '');
  return replace(text, /^ {4}server-template .*$/m, servers.join('\n'));
}

export async function startBalancer(nodePorts: readonly number[]): Promise<Balancer> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  await ensurePackages(
    ['haproxy'],
    machine,
    createProgress(() => {}),
  );
  const folder = new TestFolder();
  const port = await freePort();
  const file = join(folder.path, 'haproxy.cfg');
  writeFileSync(file, settingsFor(port, nodePorts));
  const logFile = join(folder.path, 'haproxy.log');
  const { identity } = await launch({
    command: findHaproxy(machine) ?? '',
    args: ['-db', '-f', file],
    env: { PATH: machine.path },
    cwd: folder.path,
    logFile,
  });
  const stop = { stopSignal: 'SIGTERM', stopGraceMs: 5_000 } as const;
  folder.note([{ name: 'haproxy', ...identity, ...stop }]);
  await until('HAProxy listens', async () => {
    if (await accepts('127.0.0.1', port, 1_000)) return true;
    throw new Error(logTail(logFile));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      await endProcess(identity, { signal: stop.stopSignal, graceMs: stop.stopGraceMs });
      folder.remove();
    },
  };
}
