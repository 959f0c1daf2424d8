import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EdgeOptions, renderEdge } from '../edge/render.ts';
import { ensurePackages } from './packages.ts';
import { accepts } from './ports.ts';
import { EDGE_PACKAGES, findEdge, type Machine } from './programs.ts';
import type { Progress } from './progress.ts';
import type { ProcessSpec } from './supervisor.ts';

/** A private nginx as the edge, in front of web nodes of this machine. */

export interface EdgeInstance {
  readonly folder: string;
  readonly logFile: string;
  /** Address and port without TLS. */
  readonly http: string;
  /** Address and port with TLS, by a certificate that is made for this start. */
  readonly https?: string;
  readonly lastPort: number;
  /** `host:port` of each web node. */
  readonly nodes: readonly string[];
  readonly options?: Partial<EdgeOptions>;
}

/** Limits for a machine on which all shoppers have one address. */
const ONE_ADDRESS_FOR_ALL = {
  network_connections: '65535',
  network_calls_per_second: '100000',
  network_calls_burst: '100000',
  network_views_per_second: '100000',
  network_views_burst: '100000',
  network_misses_per_second: '100000',
  network_misses_burst: '100000',
  network_waits: '65535',
};

const CONTACT_TIMEOUT_MS = 1_000;
const CERTIFICATE_DAYS = 30;

/** No browser knows who signed it: it is good for this machine only. */
export function selfSigned(folder: string, openssl: string) {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  execFileSync(
    openssl,
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', String(CERTIFICATE_DAYS), '-subj', '/CN=localhost', '-addext', names],
      ...['-keyout', key, '-out', certificate],
    ],
    { stdio: 'pipe' },
  );
  return { certificate, key };
}

export interface EdgePrograms {
  readonly nginx: string;
  readonly openssl: string;
}

export function prepareEdge(instance: EdgeInstance, programs: EdgePrograms): ProcessSpec {
  const { folder, http, https, lastPort, nodes, logFile } = instance;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'nginx.conf');
  const text = renderEdge({
    ...{ nodes, http, https, lastPort, folder, plainHttp: true, names: [] },
    ...{ certificate: undefined, key: undefined },
    ...(https !== undefined && selfSigned(folder, programs.openssl)),
    // The folder belongs to the person who starts it, and so do the worker processes.
    user: process.getuid?.() === 0 ? 'root' : undefined,
    ...{ proxyProtocolFrom: [], forwardedFrom: [], proxySecret: undefined, resolver: undefined },
    limits: {},
    ...instance.options,
  });
  writeFileSync(file, text, { mode: 0o600 });
  return {
    name: 'edge',
    command: programs.nginx,
    args: ['-p', folder, '-c', file, '-e', 'stderr'],
    env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' },
    cwd: folder,
    logFile,
    readyTimeoutMs: 300_000,
    stopSignal: 'SIGTERM',
    stopGraceMs: 5_000,
    // Not the shop's own port: it may expect the PROXY protocol.
    notReady: async () =>
      (await accepts('127.0.0.1', lastPort, CONTACT_TIMEOUT_MS))
        ? undefined
        : `no answer on ${lastPort}`,
  };
}

/** The edge of the local stack, at the shop's own address. Installs what is missing. */
export async function localEdge(stack: {
  readonly folder: string;
  readonly logFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly host: string;
  readonly portOf: (name: string) => number;
  readonly webPorts: ReadonlyMap<string, number>;
  /** Whether it writes a line for each call, into `edge/calls.log`. */
  readonly callLog: boolean;
}): Promise<ProcessSpec> {
  const { folder, logFolder, environment, progress, host, portOf, webPorts, callLog } = stack;
  const machine: Machine = { path: environment['PATH'] ?? '', root: '/' };
  await ensurePackages(EDGE_PACKAGES, machine, progress);
  const instance = {
    folder: join(folder, 'edge'),
    logFile: join(logFolder, 'edge.log'),
    http: `${host}:${portOf('shop')}`,
    https: `${host}:${portOf('edge-tls')}`,
    lastPort: portOf('edge-last'),
    nodes: [...webPorts.values()].map((port) => `127.0.0.1:${port}`),
    options: {
      limits: ONE_ADDRESS_FOR_ALL,
      ...(callLog && { callLog: join(folder, 'edge', 'calls.log') }),
    },
  };
  return prepareEdge(instance, findEdge(machine));
}
