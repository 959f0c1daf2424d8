import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setLogins, urlInRole, urlOfLogin } from '../../../db/install/logins.ts';
import { prepareEdge } from '../../../ops/stack/edge.ts';
import { ensurePackages } from '../../../ops/stack/packages.ts';
import { freePort } from '../../../ops/stack/ports.ts';
import { signalFamily } from '../../../ops/stack/process-family.ts';
import {
  CLOCK_PACKAGE,
  EDGE_PACKAGES,
  findEdge,
  findWatch,
  WATCH_PACKAGES,
} from '../../../ops/stack/programs.ts';
import { createProgress } from '../../../ops/stack/progress.ts';
import { Supervisor } from '../../../ops/stack/supervisor.ts';
import { TestFolder } from '../../../ops/stack/test-folder.ts';
import { prepareWatch, WATCH_NAMES, writeTargets } from '../../../ops/stack/watch.ts';
import { type Standby, startStandby } from '../../db/standby.ts';
import { type System, startSystem } from '../../system.ts';
import { type BreakableServers, startBreakableServers } from '../breakable.ts';
import { Alerts } from './watch.ts';

/** A whole shop of one test file, with an edge, a standby, and what `npm start -- --watch` starts. */

/** Requests that make a queue too long; so few that a test reaches them. */
const QUEUE_MESSAGES_MAX = 8;
/** A frozen web node keeps its session, and so its units, for this long. */
const LONG_SESSION_MS = 60_000;
/** What is left of it, when the alert fires, has to suffice for all faults that are made meanwhile. */
export const OPEN_FILES_MAX = 600;
const CERTIFICATE_DAYS = { ending: 3, renewed: 90 };

export interface WatchedShop {
  readonly servers: BreakableServers;
  readonly system: System;
  readonly standby: Standby;
  readonly alerts: Alerts;
  readonly folder: string;
  /** Ports of the web nodes' pages. */
  readonly pages: Readonly<Record<string, number>>;
  /** Ports on which nothing listens yet: Stripe, the mail server and a merchant. */
  readonly absent: Readonly<Record<'stripe' | 'mail' | 'merchant', number>>;
  readonly clockFile: string;
  /** Tells Prometheus the monitor ports, which change when a process starts again. */
  retarget(names?: readonly string[]): void;
  pidOf(name: string): number;
  /** Suspends the edge, or a program that watches. */
  freeze(name: string): void;
  thaw(name: string): void;
  /** Gives the edge a certificate that ends in days, and one that does not. */
  endCertificate(): void;
  renewCertificate(): void;
  remove(): Promise<void>;
}

const PROCESSES = ['web-1', 'web-2', 'keeper-1', 'keeper-2', 'worker-hot', 'worker-regular'];

function writeCertificate(folder: string, openssl: string, days: number) {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  execFileSync(
    openssl,
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', String(days), '-subj', '/CN=localhost', '-keyout', key, '-out', certificate],
    ],
    { stdio: 'pipe' },
  );
  return { certificate, key };
}

/** A process with this environment takes its time from the file, as one with a wrong clock does. */
function wrongClock(file: string): Record<string, string> {
  return {
    LD_PRELOAD: '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

async function startProcesses(
  servers: BreakableServers,
  absent: WatchedShop['absent'],
  clockFile: string,
) {
  const system = await startSystem({
    webNodes: 0,
    keepers: 0,
    workers: 0,
    databaseServerUrl: servers.databaseUrl,
    amqpUrl: servers.amqpUrl,
    zookeeper: servers.zookeeper,
    environment: { OVERLOAD_QUEUE_MESSAGES: String(QUEUE_MESSAGES_MAX), COOLDOWN_SECONDS: '1' },
  });
  const pages = { 'web-1': await freePort(), 'web-2': await freePort() };
  const worker = {
    CALLS_IN_FLIGHT_MAX: '8',
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOW_PRIVATE: 'true',
    STRIPE_SECRET_KEY: 'sk_test_51ThisIsNoRealKeyAtAll',
    STRIPE_API_URL: `http://127.0.0.1:${absent.stripe}`,
    SMTP_URL: `smtp://127.0.0.1:${absent.mail}`,
    MAIL_FROM: 'shop@shop.example',
    NOTICE_SECRET: randomBytes(32).toString('base64url'),
    SHOP_URL: 'https://shop.example',
  };
  writeFileSync(clockFile, '+0');
  const page = (name: keyof typeof pages) => ({ PORT: String(pages[name]) });
  await Promise.all([
    system.run('keeper-1', 'keeper/main.ts'),
    system.run('keeper-2', 'keeper/main.ts', wrongClock(clockFile)),
    system.run('worker-hot', 'worker/main.ts', { ...worker, QUEUES: 'hot' }),
    system.run('worker-regular', 'worker/main.ts', { ...worker, QUEUES: 'regular' }),
    system.run('web-1', 'server/main.ts', page('web-1'), { openFilesMax: OPEN_FILES_MAX }),
    system.run('web-2', 'server/main.ts', {
      ...page('web-2'),
      ZK_SESSION_TIMEOUT_MS: String(LONG_SESSION_MS),
    }),
  ]);
  return { system, pages };
}

export async function startWatchedShop(): Promise<WatchedShop> {
  const machine = { path: process.env['PATH'] ?? '', root: '/' };
  const progress = createProgress(() => {});
  await ensurePackages([...WATCH_PACKAGES, ...EDGE_PACKAGES, CLOCK_PACKAGE], machine, progress);
  const home = new TestFolder();
  const at = (name: string) => join(home.path, name);
  mkdirSync(at('edge'));
  const absent = { stripe: await freePort(), mail: await freePort(), merchant: await freePort() };
  const servers = await startBreakableServers({ withRabbitMetrics: true });
  const { system, pages } = await startProcesses(servers, absent, at('clock'));
  const password = randomBytes(16).toString('hex');
  const databaseUrl = system.environment['DATABASE_URL'] ?? '';
  await setLogins(databaseUrl, { monitor: password });
  const standby = await startStandby(servers.databaseUrl, { archives: true });

  const { openssl } = findEdge(machine);
  const edgeAt = await freePort();
  const files = writeCertificate(at('edge'), openssl, CERTIFICATE_DAYS.renewed);
  const edge = prepareEdge(
    {
      ...{ folder: at('edge'), logFile: at('edge.log'), lastPort: await freePort() },
      ...{ http: `127.0.0.1:${await freePort()}`, https: `127.0.0.1:${edgeAt}` },
      nodes: Object.values(pages).map((port) => `127.0.0.1:${port}`),
      options: files,
    },
    findEdge(machine),
  );
  const ports = Object.fromEntries(
    await Promise.all(WATCH_NAMES.map(async (name) => [name, await freePort()] as const)),
  ) as Parameters<typeof prepareWatch>[0]['ports'];
  const monitorsOf = (names: readonly string[]) =>
    names.map((name) => new URL(system.monitorUrl(name)).host);
  const specs = prepareWatch(
    {
      ...{ folder: home.path, logFolder: home.path, ports },
      rabbitmq: [`127.0.0.1:${servers.rabbitMetrics}`],
      monitors: monitorsOf(PROCESSES),
      databaseUrls: [
        urlOfLogin(databaseUrl, 'monitor', password),
        urlInRole(standby.urlOf(databaseUrl), 'monitor'),
      ],
      shop: [`https://127.0.0.1:${edgeAt}/`],
    },
    findWatch(machine),
  );
  const supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const programs = [edge, ...specs];
  await Promise.all(programs.map((spec) => supervisor.start(spec)));
  const alerts = new Alerts(ports.alertmanager, ports.prometheus);
  alerts.start();
  const pidOf = (name: string) =>
    supervisor.records().find((record) => record.name === name)?.pid ?? system.pidOf(name);
  const certify = (days: number) => {
    writeCertificate(at('edge'), openssl, days);
    process.kill(pidOf('edge'), 'SIGHUP');
  };
  return {
    ...{ servers, system, standby, alerts, folder: home.path, pages, absent, pidOf },
    clockFile: at('clock'),
    retarget(names = PROCESSES) {
      writeTargets(home.path, 'flashsale', [{ targets: monitorsOf(names) }]);
    },
    freeze: (name) => signalFamily(pidOf(name), 'SIGSTOP'),
    thaw: (name) => signalFamily(pidOf(name), 'SIGCONT'),
    endCertificate: () => certify(CERTIFICATE_DAYS.ending),
    renewCertificate: () => certify(CERTIFICATE_DAYS.renewed),
    async remove() {
      alerts.stop();
      await supervisor.stop(
        programs.map(({ name }) => name),
        { discard: true },
      );
      await standby.remove();
      await system.stop();
      await servers.remove();
      home.remove();
    },
  };
}
