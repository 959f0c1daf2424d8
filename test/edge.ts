import { join } from 'node:path';
import { prepareEdge } from '../ops/stack/edge.ts';
import { ensurePackages } from '../ops/stack/packages.ts';
import { freePort } from '../ops/stack/ports.ts';
import { EDGE_PACKAGES, findEdge } from '../ops/stack/programs.ts';
import { createProgress } from '../ops/stack/progress.ts';
import { Supervisor } from '../ops/stack/supervisor.ts';
import { TestFolder } from '../ops/stack/test-folder.ts';

/** A real nginx as the edge of the shop, in front of web nodes at known ports. */

export interface Edge {
  readonly url: string;
  readonly secureUrl: string;
  /** Its port on loopback between the two levels of the cache. */
  readonly lastUrl: string;
  /** Its configuration, its certificate and its key are here. */
  readonly folder: string;
  close(): Promise<void>;
}

export async function startEdge(
  nodePorts: readonly number[],
  options: NonNullable<Parameters<typeof prepareEdge>[0]['options']> = {},
): Promise<Edge> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  await ensurePackages(
    EDGE_PACKAGES,
    machine,
    createProgress(() => {}),
  );
  const folder = new TestFolder();
  const [http, https, lastPort] = [await freePort(), await freePort(), await freePort()];
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => folder.note(processes),
    restart: false,
  });
  const instance = {
    folder: join(folder.path, 'edge'),
    logFile: join(folder.path, 'edge.log'),
    http: `127.0.0.1:${http}`,
    https: `127.0.0.1:${https}`,
    lastPort,
    nodes: nodePorts.map((port) => `127.0.0.1:${port}`),
    options,
  };
  await supervisor.start(prepareEdge(instance, findEdge(machine)));
  return {
    url: `http://127.0.0.1:${http}`,
    secureUrl: `https://127.0.0.1:${https}`,
    lastUrl: `http://127.0.0.1:${lastPort}`,
    folder: instance.folder,
    async close() {
      await supervisor.stop(['edge']);
      folder.remove();
    },
  };
}
