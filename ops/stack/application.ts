import { join } from 'node:path';
import { CONSOLE_ROLES, hashOfToken, tokenEntry } from '../../contracts/console.ts';
import { type Home, REGULAR } from '../../contracts/homes.ts';
import { urlOfLogin } from '../../db/install/logins.ts';
import type { ReadinessReport } from '../../process/readiness.ts';
import { BEHIND_THE_QUEUE_NICENESS } from './give-way.ts';
import { loopbackUrl } from './ports.ts';
import type { Servers } from './servers.ts';
import { homesOf, hotVariables } from './servers.ts';
import type { StackLogins } from './state.ts';
import type { ProcessSpec } from './supervisor.ts';

/** The shop's own processes: their names, environment variables and readiness checks. */

export interface ApplicationOptions {
  /** Root of the project. */
  readonly root: string;
  readonly logFolder: string;
  /** Variables of the person who started the stack. They take precedence unless they break the stack. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly servers: Servers;
  readonly zkRoot: string;
  readonly shop: { readonly host: string; readonly port: number };
  /** Behind the edge: the port of each web node by its name. Without the edge they share the shop's. */
  readonly webPorts?: ReadonlyMap<string, number>;
  /** Passwords of the roles' logins. Without them each process connects with the URLs in `servers`. */
  readonly logins?: StackLogins;
  readonly secrets: {
    readonly jwtSecret: string;
    readonly paymentWebhookSecret: string;
    readonly consoleToken: string;
  };
  readonly consolePort: number;
  /** Where the processes listen on ports of their own. Default: loopback. */
  readonly address?: string;
  /** Monitor port by process name. */
  readonly monitorPorts: ReadonlyMap<string, number>;
}

interface ApplicationProcess {
  readonly name: string;
  readonly entry: string;
  /** Role of its database login. */
  readonly role: keyof StackLogins;
  readonly variables: Readonly<Record<string, string>>;
  readonly niceness?: number;
}

const niceness = BEHIND_THE_QUEUE_NICENESS;

const PROCESSES: readonly ApplicationProcess[] = [
  { name: 'keeper-1', entry: 'keeper/main.ts', role: 'ops', variables: {} },
  { name: 'keeper-2', entry: 'keeper/main.ts', role: 'ops', variables: {} },
  { name: 'web-1', entry: 'server/main.ts', role: 'web', variables: {} },
  { name: 'web-2', entry: 'server/main.ts', role: 'web', variables: {} },
  { name: 'console', entry: 'console/main.ts', role: 'console', variables: {}, niceness },
];

const workerOf = (home: Home): ApplicationProcess => ({
  ...{ name: `worker-${home}`, entry: 'worker/main.ts', role: 'worker' },
  ...{ variables: { QUEUES: home }, niceness },
});

/** The workers are last, so that a further home changes the port of no other process. */
const processesOf = (homes: readonly Home[]) => [...PROCESSES, ...homes.map(workerOf)];

/** The names of all processes of a shop with these homes: there is a worker for each. */
export function applicationNames(homes: readonly Home[]): string[] {
  return processesOf(homes).map(({ name }) => name);
}

/** Of a shop whose homes share one server. */
export const APPLICATION_NAMES = applicationNames([REGULAR, 'hot']);
export const WEB_NAMES = APPLICATION_NAMES.filter((name) => name.startsWith('web-'));

/** Web nodes stop first, so that no more requests are admitted while the others stop. */
export function applicationStopOrder(homes: readonly Home[]): readonly (readonly string[])[] {
  return [WEB_NAMES, applicationNames(homes).filter((name) => !WEB_NAMES.includes(name))];
}

const READY_TIMEOUT_MS = 300_000;
const CONTACT_TIMEOUT_MS = 2_000;
/** A little longer than the shutdown deadline of the processes themselves. */
const STOP_GRACE_MS = 25_000;

async function readiness(address: string, port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${address}:${port}/readyz`, {
      signal: AbortSignal.timeout(CONTACT_TIMEOUT_MS),
    });
    // A process can be ready without its servers; a start waits for the servers as well.
    const text = await response.text();
    const { degraded } = JSON.parse(text) as ReadinessReport;
    return response.ok && degraded.length === 0 ? undefined : text.slice(0, 500);
  } catch (error) {
    return `no answer on its monitor port ${port} (${error instanceof Error ? error.message : error})`;
  }
}

function variablesOf(options: ApplicationOptions): Record<string, string | undefined> {
  const { environment, servers, secrets, shop, zkRoot, consolePort, monitorPorts } = options;
  const webMonitors = [...monitorPorts].filter(([name]) => name.startsWith('web-'));
  const person = { login: 'demo', roles: CONSOLE_ROLES };
  return {
    DEMO: 'true',
    // All requests come from this machine: loopback is trusted as a proxy that names the clients, and
    // one address may stand for a whole crowd.
    TRUST_PROXY: '127.0.0.0/8,::1/128',
    TRUST_PROXY_HOPS: '1',
    RATE_LIMIT_IP_PER_SECOND: '100000',
    PAYMENT_WEBHOOK_SECRET: secrets.paymentWebhookSecret,
    SHOP_URL: `http://${shop.host}:${shop.port}`,
    // A shop accepts either a JWKS or a secret; a given JWKS replaces the stack's own secret.
    ...(!environment['JWKS_URL'] && { JWT_SECRET: secrets.jwtSecret }),
    CONSOLE_TOKENS: tokenEntry({ ...person, sha256: hashOfToken(secrets.consoleToken) }),
    ...environment,
    // Sign-ins without TLS are taken only from this machine. 0.0.0.0 is for a container's published port.
    CONSOLE_HOST: shop.host === '0.0.0.0' ? shop.host : '127.0.0.1',
    CONSOLE_PORT: String(consolePort),
    CONSOLE_URL: loopbackUrl(consolePort),
    WEB_MONITORS: webMonitors.map(([, port]) => loopbackUrl(port)).join(','),
    AMQP_URL: servers.amqpUrl,
    ZOOKEEPER: servers.zookeeper,
    ZK_ROOT: zkRoot,
    HOST: shop.host,
    PORT: String(shop.port),
  };
}

function databaseOf({ servers, logins }: ApplicationOptions, role: keyof StackLogins) {
  const { databaseUrl } = servers;
  return {
    DATABASE_URL: logins ? urlOfLogin(databaseUrl, role, logins[role]) : databaseUrl,
    // The logins in the URLs of hot homes are used unchanged.
    ...hotVariables(servers),
  };
}

/** How to run each process. All of them may be started at the same time. */
export function applicationSpecs(options: ApplicationOptions): ProcessSpec[] {
  const { address = '127.0.0.1' } = options;
  const variables = variablesOf(options);
  return processesOf(homesOf(options.servers)).map(
    ({ name, entry, role, variables: own, niceness }) => {
      const port = options.monitorPorts.get(name);
      if (port === undefined) throw new Error(`no monitor port for ${name}`);
      const webPort = options.webPorts?.get(name);
      const alone = webPort !== undefined && { HOST: address, PORT: String(webPort) };
      return {
        name,
        command: process.execPath,
        args: [entry],
        env: {
          ...variables,
          ...databaseOf(options, role),
          ...own,
          ...alone,
          MONITOR_HOST: address,
          MONITOR_PORT: String(port),
        },
        cwd: options.root,
        ...(niceness !== undefined && { niceness }),
        logFile: join(options.logFolder, `${name}.log`),
        notReady: () => readiness(address, port),
        readyTimeoutMs: READY_TIMEOUT_MS,
        stopSignal: 'SIGTERM',
        stopGraceMs: STOP_GRACE_MS,
      };
    },
  );
}
