import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { urlInRole } from '../../db/install/logins.ts';
import { addWebhook, removeWebhook } from '../../db/webhooks.ts';
import { CHECKS } from '../../ops/doctor/list.ts';
import { type Diagnosis, diagnose } from '../../ops/doctor/run.ts';
import type { DoctorOptions } from '../../ops/doctor/sources/sources.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { OPEN_ACL } from '../../zk/client/protection.ts';
import { makeCertificate } from '../certificate.ts';
import { servers } from '../servers.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { Credentials } from '../zk/credentials.ts';
import {
  disksAnswer,
  monitor,
  type StandIn,
  standIn,
  tlsStandIn,
  watchAnswers,
} from './doctor/stand-in.ts';

/** A fault for each check of `flashsale doctor`, made in one shop. */

const ROOT = join(import.meta.dirname, '..', '..');
const SKU = 'Vase';
const UNITS = 10;
const MEMBERS = ['web-1', 'keeper-1', 'worker-1'];
const HOUR_MS = 3_600_000;
/** The machine may be busy. */
const PATIENCE_MS = 120_000;
const credentials = new Credentials();
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const stands: StandIn[] = [];
let system: System;
let sale: string;
let environment: Record<string, string>;

beforeAll(async () => {
  system = await startSystem({ webNodes: 1, credentials });
  sale = await system.createSale([{ sku: SKU, units: UNITS }]);
  const watch = await stand(standIn(watchAnswers()));
  environment = {
    ...system.environment,
    // An operator's rights are enough.
    DATABASE_URL: urlInRole(system.environment['DATABASE_URL'] ?? '', 'ops'),
    MONITORS: MEMBERS.map((name) => system.monitorUrl(name)).join(),
    AMQP_MANAGEMENT_URL: servers.amqpManagementUrl ?? '',
    SHOP_URL: system.url,
    PROMETHEUS_URL: watch,
    ALERTMANAGER_URL: watch,
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOW_PRIVATE: 'true',
  };
});
afterAll(async () => {
  await Promise.all(stands.map((one) => one.close()));
  await system?.stop();
  rmSync(folder, { recursive: true });
});

async function stand(started: Promise<StandIn>): Promise<string> {
  const one = await started;
  stands.push(one);
  return one.url;
}

/** Makes the named checks. */
function ask(
  names: readonly string[],
  variables: Record<string, string> = {},
  options: Partial<DoctorOptions> = {},
): Promise<Diagnosis> {
  const checks = CHECKS.filter(({ name }) => names.includes(name));
  const asked = {
    ...{ sale, isDemo: true, zone: 'Europe/Berlin', backupInfo: [], timeoutMs: PATIENCE_MS },
    ...options,
  };
  return diagnose(checks, { ...environment, ...variables }, asked);
}

/** The reasons of a check that says no. */
async function saysNo(name: string, ...rest: [Record<string, string>?, Partial<DoctorOptions>?]) {
  const { results } = await ask([name], ...rest);
  const findings = results.flatMap((result) => result.findings);
  expect(findings.filter(({ command }) => command === '')).toEqual([]);
  return findings.flatMap(({ outcome, reason }) => (outcome === 'no' ? [reason] : []));
}

/** The processes of the shop, and one more, which shows something else than a healthy web node. */
async function withProcess(changed: Record<string, string>, waitingFor: string[] = []) {
  const url = await stand(monitor(changed, waitingFor));
  return { MONITORS: `${environment['MONITORS']},${url}` };
}

async function sql(text: string): Promise<void> {
  await system.databases.regular.query({ text });
}

/** Prometheus and Alertmanager with other answers. */
async function watchedBy(answers: Record<string, unknown>) {
  const url = await stand(standIn({ ...watchAnswers(), ...answers }));
  return { PROMETHEUS_URL: url, ALERTMANAGER_URL: url };
}

const STANZAS = (ageMs: number) =>
  JSON.stringify([
    {
      name: 'regular',
      status: { code: 0, message: 'ok' },
      backup: [{ label: '1', error: false, timestamp: { stop: (Date.now() - ageMs) / 1_000 } }],
    },
  ]);

/** For each check: makes a fault, returns the reasons of a no, and mends it. */
const FAULTS: Readonly<Record<string, () => Promise<readonly [string[], RegExp]>>> = {
  servers: async () => {
    const DATABASE_URL = 'postgres://127.0.0.1:1/shop';
    const { host } = new URL(environment['AMQP_URL'] ?? '');
    const AMQP_URL = environment['AMQP_URL']?.replace(host, `${host},127.0.0.1:1`) ?? '';
    expect(await saysNo('servers', { AMQP_URL })).toEqual([
      'RabbitMQ at 127.0.0.1:1 takes no connection',
    ]);
    return [
      await saysNo('servers', { DATABASE_URL }),
      /database of regular and hot .*ECONNREFUSED/,
    ];
  },
  processes: async () => {
    const variables = await withProcess({}, ['a quota']);
    return [await saysNo('processes', variables), /web at \S+ is not ready: a quota/];
  },
  versions: async () => {
    const variables = await withProcess({ flashsale_release: '{release="0.0.1",process="web"} 1' });
    return [await saysNo('versions', variables), /web at \S+ runs 0\.0\.1, and this command is of/];
  },
  clocks: async () => {
    const ahead = '{dependency="postgres",process="web"} -3.2';
    const variables = await withProcess({ flashsale_clock_ahead_seconds: ahead });
    return [await saysNo('clocks', variables), /web at \S+ is 3\.20 s behind postgres/];
  },
  migrations: async () => {
    const newest = 'id = (SELECT max(id) FROM public.migrations)';
    const [row] = await system.databases.regular.query<{ hash: string }>({
      text: `SELECT hash FROM public.migrations WHERE ${newest}`,
    });
    await sql(`UPDATE public.migrations SET hash = 'other' WHERE ${newest}`);
    const reasons = await saysNo('migrations');
    await sql(`UPDATE public.migrations SET hash = '${row?.hash}' WHERE ${newest}`);
    return [reasons, /was migrated by other files than these: \d+_\w+\.sql/];
  },
  routines: async () => {
    await sql('ALTER FUNCTION catalog.sku_homes() COST 7');
    const reasons = await saysNo('routines');
    await sql('ALTER FUNCTION catalog.sku_homes() COST 100');
    return [reasons, /^catalog\.sku_homes of the database of regular and hot was changed by hand$/];
  },
  connections: async () => {
    const most = '{dependency="postgres",state="max",process="web"} 900';
    const variables = await withProcess({ flashsale_database_sessions: most });
    return [
      await saysNo('connections', variables),
      /allows \d+ sessions; processes may open 9\d\d/,
    ];
  },
  files: async () => {
    const variables = await withProcess({ process_max_fds: '{process="web"} 256' });
    return [await saysNo('files', variables), /web at \S+ may open 256 files .* should be 1024/];
  },
  queues: async () => {
    await system.end('worker-1');
    const none = () => saysNo('queues');
    const reasons = await until('no worker consumes', async () => {
      const said = await none();
      if (said.length < 2) throw new Error(said.join());
      return said;
    });
    return [reasons, /^no worker takes from orders\.regular: its orders would wait$/];
  },
  broker: async () => {
    const node = { name: 'rabbit@one', running: true, mem_alarm: true };
    const vhost = new URL(system.environment['AMQP_URL'] ?? '').pathname.slice(1);
    const AMQP_MANAGEMENT_URL = await stand(
      standIn({
        '/api/nodes': [node, { name: 'rabbit@two', running: false }],
        [`/api/queues/${vhost}`]: [
          { name: 'orders.hot', members: ['rabbit@one'], online: ['rabbit@one'] },
        ],
      }),
    );
    const reasons = await saysNo('broker', { AMQP_MANAGEMENT_URL });
    expect(reasons).toContain('rabbit@two does not run');
    expect(reasons).toContain('orders.hot is on 1 of 2 nodes');
    return [reasons, /^rabbit@one has its memory alarm on/];
  },
  zookeeper: async () => {
    await system.set(system.paths.keep, 'twelve');
    const note = system.paths.error(system.paths.keep);
    const isNoted = async (wanted: boolean) =>
      until(`the edit is noted: ${wanted}`, async () => {
        const found = await system.session.exists(note);
        return found.ok && (found.value !== undefined) === wanted;
      });
    await isNoted(true);
    const reasons = await saysNo('zookeeper');
    await system.set(system.paths.keep, '1');
    await isNoted(false);
    return [reasons, /the edit of \S+\/keep has no effect: .*in force: 1/];
  },
  rights: async () => {
    const { quota } = system.paths.sku(SKU);
    await system.session.setAcl(quota, OPEN_ACL);
    const reasons = await saysNo('rights');
    await system.session.setAcl(quota, system.session.protection?.aclOf(quota) ?? []);
    return [reasons, new RegExp(`not as the table of rights says: ${quota}$`)];
  },
  disks: async () => {
    const disk = { metric: { instance: 'db', mountpoint: '/var' }, value: [0, '0.05'] };
    const variables = await watchedBy({ '/api/v1/query': disksAnswer(disk) });
    return [await saysNo('disks', variables), /^\/var of db has 5 % left/];
  },
  certificates: async () => {
    const certificate = makeCertificate(join(folder, 'tls'));
    const EDGE_URL = await stand(tlsStandIn(certificate));
    const files = { EDGE_URL, CERTIFICATES: certificate.certificate };
    const reasons = await saysNo('certificates', files, { isDemo: false });
    expect(reasons).toContainEqual(expect.stringMatching(/browsers do not take .*SELF_SIGNED/));
    expect(reasons).toContainEqual(expect.stringMatching(/certificate\.pem ends in 1 day$/));
    return [reasons, /the certificate of 127\.0\.0\.1:\d+ ends in 1 day$/];
  },
  secrets: async () => {
    const variables = await withProcess({
      flashsale_secret_mark: '{secret="JWT_SECRET",mark="zzz",process="web"} 1',
    });
    const file = join(folder, 'zk_auth');
    writeFileSync(file, credentials.auth('operator'), { mode: 0o644 });
    const { ZK_AUTH: _, ...rest } = environment;
    const open = await saysNo('secrets', { ...rest, ZK_AUTH: '', ZK_AUTH_FILE: file });
    // The folder is closed to others.
    expect(open).toEqual([]);
    const weak = { AMQP_MANAGEMENT_URL: `http://guest:${'guest'}@127.0.0.1:1` };
    const published = await saysNo('secrets', weak, { isDemo: false });
    expect(published.join()).toMatch(/AMQP_MANAGEMENT_URL has a secret that is published/);
    return [await saysNo('secrets', variables), /^JWT_SECRET differs: web at .* have another than/];
  },
  payments: async () => {
    const mode = '{provider="stripe",mode="test",process="web"} 1';
    const MONITORS = await stand(monitor({ flashsale_payment_mode: mode }));
    const several = await saysNo('payments', await withProcess({ flashsale_payment_mode: mode }));
    expect(several.join()).toMatch(/processes take payments in several ways: .*stripe test/);
    const real = await saysNo('payments', {}, { isDemo: false });
    expect(real).toEqual(['this shop is a demo: orders are paid without money']);
    return [await saysNo('payments', { MONITORS }), /^stripe has a test key/];
  },
  webhooks: async () => {
    const endpoint = 'wh_0123456789ab';
    const url = 'http://127.0.0.1:1/orders?token=hidden';
    await addWebhook(system.databases, {
      ...{ endpoint, url, kinds: ['paid'] as const },
      secret: `whsec_${Buffer.alloc(32).toString('base64')}`,
    });
    const reasons = await saysNo('webhooks');
    expect(reasons.join()).not.toContain('hidden');
    await removeWebhook(system.databases, endpoint);
    return [reasons, /^wh_\w+ \(127\.0\.0\.1:1\): .*ECONNREFUSED/];
  },
  alerts: async () => {
    const silence = { id: 'a1', comment: 'for the test', status: { state: 'active' } };
    const rule = {
      name: 'FlashsaleOwn',
      query: '1',
      type: 'alerting',
      state: 'firing',
      health: 'ok',
    };
    const variables = await watchedBy({
      '/api/v1/rules': { data: { groups: [{ rules: [rule] }] } },
      '/api/v1/alertmanagers': { data: { activeAlertmanagers: [] } },
      '/api/v2/status': { config: { original: 'receivers: [{ name: on-call }]' } },
      '/api/v2/silences': [silence],
    });
    const reasons = await saysNo('alerts', variables, { isDemo: false });
    expect(reasons.join('\n')).toMatch(/^Prometheus has no rule Flashsale/);
    expect(reasons).toContain('Prometheus tells no Alertmanager');
    expect(reasons).toContain('alerts are silenced: for the test');
    expect(reasons.join('\n')).toMatch(/Alertmanager tells nobody/);
    // Somebody could be told, and no route leads there.
    const original =
      'route: { receiver: nobody, routes: [{ receiver: log }] }\n' +
      'receivers: [{ name: nobody }, { name: log }, { name: on-call, email_configs: [{ to: a@b.c }] }]';
    const unrouted = await watchedBy({ '/api/v2/status': { config: { original } } });
    expect((await saysNo('alerts', unrouted, { isDemo: false })).join()).toMatch(/tells nobody/);
    return [reasons, /^FlashsaleOwn fires$/];
  },
  standbys: async () => {
    const DATABASE_READ_URL = environment['DATABASE_URL'] ?? '';
    return [await saysNo('standbys', { DATABASE_READ_URL }), /has 0 of 1 standbys$/];
  },
  backup: async () => {
    const file = join(folder, 'info.json');
    writeFileSync(file, STANZAS(20 * HOUR_MS));
    const reasons = await saysNo('backup', {}, { backupInfo: [file] });
    writeFileSync(file, STANZAS(2 * HOUR_MS));
    const archive = await saysNo('backup', {}, { backupInfo: [file] });
    expect(archive).toEqual(['the database of regular and hot archives no WAL']);
    return [reasons, /^the last backup of regular is 20 hours old$/];
  },
  warm: async () => {
    const none = '{dependency="postgres",state="kept",process="web"} 2';
    const variables = await withProcess({ flashsale_database_sessions: none });
    const reasons = await saysNo('warm', variables);
    expect(reasons.join('\n')).toMatch(new RegExp(`web at \\S+ does not know ${SKU} yet`));
    // An edge that reaches no web node shows its last copies.
    const copies = { [`/sales/${sale}`]: 'a page', [`/api/v1/sales/${sale}`]: {} };
    const SHOP_URL = await stand(standIn(copies));
    expect(await saysNo('warm', { SHOP_URL })).toEqual(['/api/v1/orders answers 404']);
    return [reasons, /web at \S+ has 0 of 1 sessions open at postgres/];
  },
  quota: async () => {
    const { quota } = system.paths.sku(SKU);
    await system.session.delete(quota);
    expect((await saysNo('quota')).join()).toMatch(/^Vase has no quota in ZooKeeper/);
    const made = await system.session.create(quota, String(UNITS + 5));
    expect(made.ok).toBe(true);
    const reasons = await saysNo('quota');
    await system.set(quota, String(UNITS));
    await system.set(system.paths.keep, '0');
    const shed = await until('nothing is kept', async () => {
      const said = await saysNo('quota');
      if (said.length === 0) throw new Error('the doctor says go');
      return said;
    });
    expect(shed).toEqual(['Vase keeps no purchase (keep is 0)']);
    await system.set(system.paths.keep, '1');
    return [reasons, /^the quota of Vase is 15, and only 10 units exist$/];
  },
  opening: async () => {
    const asked = { opensAtLocal: '2026-01-01T12:00' };
    expect((await saysNo('opening', {}, asked)).join()).toMatch(/announced was 2026-01-01T12:00$/);
    return [await saysNo('opening', {}, { sale: 'nowhere' }), /^there is no sale nowhere$/];
  },
};

it('says go for all that a healthy demo can know', async () => {
  const names = CHECKS.map(({ name }) => name);
  const unknown = 'backup: nobody tells of the backups of regular';
  const { results, ...told } = await until('nothing else is known to be wrong', async () => {
    const diagnosis = await ask(names);
    const problems = diagnosis.results.flatMap(({ check, findings }) =>
      findings.flatMap(({ outcome, reason }) => (outcome === 'ok' ? [] : [`${check}: ${reason}`])),
    );
    if (problems.join() !== unknown) throw new Error(problems.join('\n'));
    return diagnosis;
  });
  expect(told).toMatchObject({ verdict: 'no-go', no: [], notKnown: ['backup'] });
  expect(results.map(({ check }) => check)).toEqual(names);
});

it('the command has an exit status, and prints no secret', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(
      process.execPath,
      [
        'ops/cli.ts',
        'doctor',
        sale,
        '--demo',
        '--zone',
        'Europe/Berlin',
        '--timeout',
        '120',
        ...args,
      ],
      { cwd: ROOT, env: environment },
    ).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error) => ({ code: error.code as number, stdout: String(error.stdout) }),
    );
  // A process may be short of CPU for a moment.
  const patiently = (code: number, ...args: string[]) =>
    until(`it ends with ${code}`, async () => {
      const ended = await run(...args);
      if (ended.code !== code) throw new Error(`${ended.code}: ${ended.stdout}`);
      return ended;
    });
  const unknown = await patiently(2);
  const without = await patiently(0, '--without', 'backup', '--json');
  expect(unknown.stdout).toMatch(/^\? {3}backup {8}nobody tells of the backups of regular$/m);
  expect(unknown.stdout).toMatch(/\nno-go\n {2}not known: backup\n/);
  expect(JSON.parse(without.stdout)).toMatchObject({ verdict: 'go', without: ['backup'] });
  const { password } = new URL(environment['DATABASE_URL'] ?? '');
  for (const secret of [password, system.jwtSecret, credentials.auth('operator')]) {
    expect(secret).not.toBe('');
    expect(unknown.stdout + without.stdout).not.toContain(secret);
  }
});

it('has a fault for each check', () => {
  expect(Object.keys(FAULTS).sort()).toEqual(CHECKS.map(({ name }) => name).sort());
});

// The queues are last: their worker does not come back.
const IN_ORDER = [...Object.keys(FAULTS).filter((name) => name !== 'queues'), 'queues'];

it.each(IN_ORDER)('%s says no', async (name) => {
  const [reasons, wanted] = (await FAULTS[name]?.()) ?? [[], /^$/];
  expect(reasons).toContainEqual(expect.stringMatching(wanted));
});
