import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';
import { type Readiness, readinessStatus } from './readiness.ts';

/**
 * The private port of a process: /livez without I/O, /readyz from cached state, and /metrics. Web
 * nodes share their public port, so each needs a private port to be scraped and probed.
 * `/metrics?name=a&name=b` has only these metrics, for the console, which asks every second.
 */

const REQUEST_TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 64;

export interface Monitor {
  readonly port: number;
  close(): Promise<void>;
}

export async function startMonitor(options: {
  host: string;
  port: number;
  metrics: Metrics;
  readiness: Readiness;
}): Promise<Monitor> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, async (request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const json = 'application/json';
    const [path, query] = (request.url ?? '').split('?');
    if (path === '/livez') return answer(200, json, '{"status":"live"}');
    if (path === '/metrics') {
      const names = query === undefined ? undefined : new URLSearchParams(query).getAll('name');
      return answer(200, options.metrics.contentType, await options.metrics.text(names));
    }
    if (path !== '/readyz') return answer(404, json, '{"status":"not found"}');
    const report = options.readiness.report();
    return answer(readinessStatus(report), json, JSON.stringify(report));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
