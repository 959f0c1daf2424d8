import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { type Environment, makeSecrets, PROGRAMS, unknownTo } from './processes.ts';

/** The systemd units: valid, contained, and complete for the processes that they start. */

const FOLDER = join(import.meta.dirname, '../../ops/systemd');
const UNITS = globSync('*.service', { cwd: FOLDER }).sort();
/** Tenths of the points that systemd gives for what a unit may do: 100 is everything. */
const EXPOSURE_MAX = 20;

const secrets = makeSecrets();
afterAll(secrets.remove);

function analyze(...args: string[]) {
  const { stdout, stderr, status, error } = spawnSync('systemd-analyze', args, {
    cwd: FOLDER,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', SYSTEMD_PAGER: 'cat', LC_ALL: 'C.UTF-8' },
  });
  if (error) throw error;
  return { text: stdout + stderr, status };
}

/** The assignments of a key in a unit, its specifiers replaced as systemd does it. */
function valuesOf(unit: string, key: string): string[] {
  const text = readFileSync(join(FOLDER, unit), 'utf8').replaceAll('\\\n', ' ');
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) =>
    value.replaceAll('%i', '1').replaceAll('%d', '/credentials'),
  );
}

function variablesIn(words: string): Environment {
  return Object.fromEntries(
    [...words.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  );
}

/** Name → file, of the credentials that a unit loads. */
function credentialsOf(unit: string): Environment {
  const entries = valuesOf(unit, 'LoadCredential').map((value) => value.split(':'));
  return Object.fromEntries(
    entries.map(([name, file]) => [name, file?.replace('/etc/flashsale/secrets', secrets.folder)]),
  );
}

const COMMON = variablesIn(
  readFileSync(join(FOLDER, 'flashsale.env'), 'utf8').replaceAll(/^#.*$|^EDGE_OPTIONS=.*$/gm, ''),
);

it('units can be enabled, so that a machine starts its part of the shop again', () => {
  const root = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  const folder = join(root, 'etc/systemd/system');
  cpSync(FOLDER, folder, { recursive: true });
  const names = UNITS.map((unit) => unit.replace('@.', '@1.'));
  const { status, stderr } = spawnSync('systemctl', [`--root=${root}`, 'enable', ...names], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  expect(readdirSync(join(folder, 'flashsale.target.wants')).sort()).toEqual(names.sort());
  rmSync(root, { recursive: true });
});

it('there is a unit for every process of a shop', () => {
  expect(UNITS).toEqual(
    [
      ...['console', 'edge', 'keeper', 'prepare', 'web@', 'worker-hot', 'worker-hot@'],
      'worker-regular',
    ].map((name) => `flashsale-${name}.service`),
  );
});

it('systemd finds nothing wrong with the units', () => {
  const units = [...UNITS, 'flashsale.target'].map((unit) => `./${unit.replace('@.', '@1.')}`);
  expect(analyze('verify', ...units)).toEqual({ text: '', status: 0 });
});

it('systemd finds what is wrong with a unit', () => {
  expect(analyze('verify', './flashsale.env').status).not.toBe(0);
});

describe('wait-until-ready', () => {
  const SCRIPT = join(FOLDER, 'wait-until-ready');

  it('ends when the process is ready, and after the edge tries it again', async () => {
    const statuses = [503, 503, 200];
    const asked: (string | undefined)[] = [];
    const monitor = createServer(({ url }, response) => {
      response.statusCode = statuses[asked.push(url) - 1] ?? 500;
      response.end();
    });
    await once(monitor.listen(0, '127.0.0.1'), 'listening');
    const MONITOR_PORT = `${(monitor.address() as AddressInfo).port}`;
    const env = { MONITOR_HOST: '127.0.0.1', MONITOR_PORT, MAINPID: `${process.pid}` };
    await once(execFile(SCRIPT, { env: { ...env, PATH: '/usr/bin:/bin' } }), 'exit');
    monitor.close();
    expect(asked).toEqual(['/readyz', '/readyz', '/readyz']);
    const template = readFileSync(join(FOLDER, '../edge/nginx.conf.template'), 'utf8');
    const pause = /^#: node_pause = (\d+)s /m.exec(template)?.[1];
    expect(readFileSync(SCRIPT, 'utf8')).toContain(`sleep ${pause}\n`);
  });

  it('ends with the process, so that systemd starts that again', () => {
    const MAINPID = `${spawnSync('true').pid}`;
    const env = { PATH: '/usr/bin:/bin', MONITOR_HOST: '127.0.0.1', MONITOR_PORT: '1', MAINPID };
    expect(spawnSync(SCRIPT, { env, timeout: 50_000 })).toMatchObject({ status: 0, signal: null });
  });
});

it('commands of operators take the variables of the file for them', () => {
  const own = variablesIn(readFileSync(join(FOLDER, 'operator.env'), 'utf8'));
  const files = Object.entries(own)
    .filter(([name]) => name.endsWith('_FILE'))
    .map(([, file = '']) => file.replace('/etc/flashsale/secrets/', ''));
  expect(files.filter((file) => !secrets.names.includes(file))).toEqual([]);
  expect(Object.keys(own).map((name) => name.replace('_FILE', ''))).toEqual(
    expect.arrayContaining(['DATABASE_URL', 'AMQP_URL', 'ZK_ACL', 'ZK_AUTH']),
  );
});

describe.each(UNITS)('%s', (unit) => {
  it('may do little', () => {
    const options = ['--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager'];
    const { text, status } = analyze('security', ...options, `./${unit}`);
    expect(text).toMatch(/Overall exposure level for flashsale-\S+: 1\.\d OK/);
    expect(status).toBe(0);
  });

  it('uses each of its credentials, and no other', () => {
    const text = readFileSync(join(FOLDER, unit), 'utf8');
    const used = [...text.matchAll(/%d\/(\w+)/g)].map(([, name = '']) => name);
    expect(Object.keys(credentialsOf(unit)).toSorted()).toEqual(used.toSorted());
  });

  it('loads files that `flashsale secrets new` makes', () => {
    const made = secrets.names.map((name) => join(secrets.folder, name));
    const others = Object.values(credentialsOf(unit)).filter((file) => !made.includes(file ?? ''));
    expect(others).toEqual([]);
  });
});

it('nginx, with its process for each core, is bounded by the machine and not by bytes', () => {
  const own = readFileSync(join(FOLDER, 'flashsale-edge.service.d/own.conf'), 'utf8');
  expect(own).toMatch(/^MemoryHigh=\d+%$/m);
  expect(own).toMatch(/^MemoryMax=\d+%$/m);
  // Twice the processes of 512 cores.
  expect(Number(/^TasksMax=(\d+)$/m.exec(own)?.[1])).toBeGreaterThan(1_024);
});

describe('the certificate of the edge', () => {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  afterAll(() => rmSync(folder, { recursive: true }));
  const [source, runtime] = [join(folder, 'etc'), join(folder, 'run')];
  mkdirSync(source);
  mkdirSync(runtime);
  /** Commands with root's rights, as the shell gets them at the paths of this test. */
  const commandsOf = (key: string) =>
    valuesOf('flashsale-edge.service', key)
      .filter((value) => value.startsWith("+/bin/sh -ec '"))
      .map((value) =>
        value
          .slice("+/bin/sh -ec '".length, -1)
          .replaceAll('$$', '$')
          .replaceAll('%%', '%')
          .replaceAll('%t/flashsale-edge', runtime)
          .replaceAll('/etc/flashsale/secrets', source),
      );

  it.each(['ExecStartPre', 'ExecReload'])('is copied to the user of nginx by %s', (key) => {
    const names = ['tls_certificate', 'tls_key'];
    for (const name of names) writeFileSync(join(source, name), `${key} ${name}`);
    const commands = commandsOf(key);
    expect(commands).toHaveLength(1);
    const { status, stderr } = spawnSync('sh', ['-ec', commands[0] ?? ''], { encoding: 'utf8' });
    expect([stderr, status]).toEqual(['', 0]);
    for (const name of names) {
      const copy = join(runtime, name);
      expect(readFileSync(copy, 'utf8')).toBe(`${key} ${name}`);
      const { mode, uid } = statSync(copy);
      expect([mode & 0o777, uid]).toEqual([0o400, statSync(runtime).uid]);
    }
  });

  it('is read again by a reload, which fails if nginx would not take it', () => {
    const [copy, check, signal] = valuesOf('flashsale-edge.service', 'ExecReload');
    expect(copy).toMatch(/^\+\/bin\/sh /);
    expect(check).toMatch(/^\/usr\/sbin\/nginx .*-t /);
    expect(signal).toBe('/bin/kill -HUP $MAINPID');
    const start = valuesOf('flashsale-edge.service', 'ExecStartPre').join('\n');
    for (const name of ['certificate', 'key']) {
      expect(start).toContain(`--${name} %t/flashsale-edge/tls_${name}`);
    }
  });
});

const programs = UNITS.flatMap((unit) => {
  const [command = ''] = valuesOf(unit, 'ExecStart');
  const entry = Object.keys(PROGRAMS).find((one) => command === `/usr/bin/env node ${one}`);
  return entry === undefined ? [] : [[unit, entry] as const];
});

it('all units but the edge start a program of the shop', () => {
  expect(programs).toHaveLength(UNITS.length - 1);
});

it.each(programs)('%s: %s takes its variables and its secrets', (unit, entry) => {
  const own = variablesIn(valuesOf(unit, 'Environment').join(' '));
  expect(unknownTo(entry, Object.keys(own))).toEqual([]);
  const credentials = credentialsOf(unit);
  const mounted = Object.entries({ ...own, ...COMMON }).map(([name, value]) => [
    name,
    value.replace(/^\/credentials\/(\w+)$/, (_all, credential) => credentials[credential] ?? ''),
  ]);
  // A file of variables wins over those of the unit, so it must not set them.
  expect(Object.keys(own).filter((name) => name in COMMON)).toEqual([]);
  expect(() => PROGRAMS[entry]?.read(Object.fromEntries(mounted))).not.toThrow();
});

it('the common variables are known to some program', () => {
  const names = Object.keys(COMMON);
  const unknown = names.filter((name) =>
    Object.keys(PROGRAMS).every((entry) => unknownTo(entry, [name]).length > 0),
  );
  expect(unknown).toEqual([]);
});
