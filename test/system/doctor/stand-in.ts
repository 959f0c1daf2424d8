import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parse } from 'yaml';
import { RELEASE } from '../../../contracts/release.ts';
import type { Certificate } from '../../certificate.ts';

/**
 * Stands in for what a test cannot break cheaply: a process with a wrong clock, Prometheus and Alertmanager, and
 * RabbitMQ's management API.
 */

type Answers = Readonly<Record<string, unknown>>;

export interface StandIn {
  readonly url: string;
  close(): Promise<void>;
}

async function listen(server: Server, scheme: string): Promise<StandIn> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Answers by path; texts as they are, everything else as JSON. A function gets the whole path. */
export function standIn(answers: Answers): Promise<StandIn> {
  const server = createServer((request, response) => {
    const { url = '' } = request;
    const found = answers[url.replace(/\?.*/, '')];
    const answer = typeof found === 'function' ? found(url) : found;
    if (answer === undefined) return response.writeHead(404).end();
    return response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  return listen(server, 'http');
}

export function tlsStandIn({ certificate, key }: Certificate): Promise<StandIn> {
  const files = { cert: readFileSync(certificate), key: readFileSync(key) };
  return listen(
    createTlsServer(files, (_, response) => response.end()),
    'https',
  );
}

/** What a healthy web node shows; `changed` replaces lines by their metric. */
function monitorText(changed: Readonly<Record<string, string>> = {}): string {
  const lines: Record<string, string> = {
    flashsale_release: `{release="${RELEASE}",process="web"} 1`,
    flashsale_payment_mode: '{provider="demo",mode="demo",process="web"} 1',
    flashsale_clock_ahead_seconds: '{dependency="postgres",process="web"} 0.001',
    flashsale_database_sessions:
      '{dependency="postgres",state="idle",process="web"} 2\nflashsale_database_sessions{dependency="postgres",state="kept",process="web"} 2',
    process_open_fds: '{process="web"} 40',
    process_max_fds: '{process="web"} 65536',
    ...changed,
  };
  return Object.entries(lines)
    .map(([name, line]) => `${name}${line}`)
    .join('\n');
}

export function monitor(
  changed: Readonly<Record<string, string>>,
  waitingFor: readonly string[] = [],
): Promise<StandIn> {
  const status = waitingFor.length === 0 ? 'ready' : 'not ready';
  return standIn({
    '/metrics': `${monitorText(changed)}\n`,
    '/readyz': { status, waitingFor, degraded: [] },
  });
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { alert: string; expr: string }[] }[];
}

const RULES = new URL('../../../ops/alerts/flashsale.rules.yml', import.meta.url);
const WAKES =
  'route: { receiver: on-call }\nreceivers:\n  - name: on-call\n    webhook_configs: [{ url: "http://phone" }]\n';

/** No host has a wrong clock, and this is the only disk. */
export function disksAnswer(disk: object): (path: string) => object {
  return (path) => ({ data: { result: path.includes('filesystem') ? [disk] : [] } });
}

/** Prometheus and Alertmanager of a healthy shop. */
export function watchAnswers(): Record<string, unknown> {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as RuleFile;
  const rules = groups
    .flatMap((group) => group.rules)
    .map(({ alert, expr }) => ({
      ...{ name: alert, query: expr, type: 'alerting', state: 'inactive', health: 'ok' },
    }));
  const disk = { metric: { instance: 'db', mountpoint: '/' }, value: [0, '0.5'] };
  const labels = { job: 'flashsale', instance: 'web' };
  return {
    '/api/v1/rules': { data: { groups: [{ rules }] } },
    '/api/v1/targets': { data: { activeTargets: [{ health: 'up', labels, scrapeUrl: '' }] } },
    '/api/v1/alertmanagers': { data: { activeAlertmanagers: [{ url: 'http://alerts/' }] } },
    '/api/v1/query': disksAnswer(disk),
    '/api/v2/status': { config: { original: WAKES } },
    '/api/v2/silences': [],
  };
}
