import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SECRET_VARIABLES } from '../../contracts/secrets.ts';
import { interpolate } from '../compose-file.ts';
import { makeSecrets, PROGRAMS, unknownTo } from './processes.ts';

/** The compose files: valid by the specification's schema; production has no secret and no root. */

interface Service {
  readonly image?: string;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean };
  readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, unknown>> } };
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

const ROOT = join(import.meta.dirname, '../..');
/** The schema of the compose specification, as this linter brings it along. */
const { $schema: _, ...schema } = JSON.parse(
  readFileSync(join(ROOT, 'node_modules/dclint/schemas/compose.schema.json'), 'utf8'),
);
const isCompose = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(
  schema,
);

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

const secrets = makeSecrets();
afterAll(secrets.remove);

const PRODUCTION = textOf('docker-compose.production.yml');
const GIVEN = {
  SHOP_HOST: 'shop.example',
  SECRETS: secrets.folder,
  IMAGE_ORIGINS: 'https://cdn.example',
};
const compose = parse(interpolate(PRODUCTION, GIVEN), {
  merge: true,
  maxAliasCount: -1,
}) as Compose;
const services = Object.entries(compose.services);
/** Those that end by themselves. */
const ONCE = ['prepare', 'edge-config', 'operator'];

function environmentOf({ environment = {} }: Service): Record<string, string> {
  const values = Object.entries(environment).map(([name, value]) => [name, `${value ?? ''}`]);
  return Object.fromEntries(values);
}

it.each(['docker-compose.yml', 'docker-compose.production.yml'])(
  '%s is valid by the schema of the compose specification',
  (file) => {
    isCompose(parse(interpolate(textOf(file), GIVEN), { merge: true, maxAliasCount: -1 }));
    expect(isCompose.errors ?? []).toEqual([]);
  },
);

it('the schema refuses what it does not know', () => {
  expect(isCompose({ services: { web: { image: 'a', read_olny: true } } })).toBe(false);
});

it('the health check of the image asks /readyz', async () => {
  const [, command = ''] =
    /^HEALTHCHECK [^[]*(\[[^\n]*)/ms.exec(textOf('Dockerfile').replaceAll('\\\n', '')) ?? [];
  let status = 200;
  const monitor = createServer(({ url }, response) => {
    response.statusCode = url === '/readyz' ? status : 404;
    response.end();
  });
  await once(monitor.listen(0, '127.0.0.1'), 'listening');
  const { port } = monitor.address() as AddressInfo;
  const [program = '', ...args] = JSON.parse(command.replace('/9100', `/${port}`)) as string[];
  const exitCode = async () => (await once(execFile(program, args), 'exit'))[0] as number;
  expect(await exitCode()).toBe(0);
  status = 503;
  expect(await exitCode()).toBe(1);
  await once(monitor.close(), 'close');
  expect(await exitCode()).toBe(1);
});

describe('the production file', () => {
  it('fits a machine with two cores: an engine refuses more than there are', () => {
    const asked = [...PRODUCTION.matchAll(/cpus: "(\d+)"/g)].map(([, cores]) => Number(cores));
    expect(Math.max(...asked)).toBe(2);
  });

  it('has the processes of a shop: two keepers, web nodes behind the edge, workers, a console', () => {
    const entries = services.flatMap(([name, { command = [] }]) =>
      command.filter((word) => word in PROGRAMS).map((entry) => `${name} ${entry}`),
    );
    expect(entries).toEqual([
      'prepare ops/stack/prepare.ts',
      'keeper-1 keeper/main.ts',
      'keeper-2 keeper/main.ts',
      'worker-regular worker/main.ts',
      'worker-hot worker/main.ts',
      'web-1 server/main.ts',
      'web-2 server/main.ts',
      'console console/main.ts',
    ]);
    const published = services.filter(([, { ports = [] }]) =>
      ports.some((port) => !/^127\./.test(port)),
    );
    expect(published.map(([name]) => name)).toEqual(['edge']);
  });

  it('writes no file into a read-only container, which Compose refuses', () => {
    expect(PRODUCTION).not.toMatch(/^ {4}content:/m);
  });

  it('does not start without the name of the shop', () => {
    expect(() => interpolate(PRODUCTION, {})).toThrow('SHOP_HOST: the host name of the shop');
  });

  it.each(services)('%s cannot change itself, and is bounded', (name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      logging: { driver: 'local' },
    });
    expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(Object.keys(service.deploy?.resources.limits ?? {})).toEqual(['cpus', 'memory', 'pids']);
    expect(service.image).toMatch(/^(flashsale|[a-z./-]+:v?\d[\d.]*)$/);
    const isOnce = ONCE.includes(name);
    expect(service.restart).toBe(isOnce ? 'no' : 'unless-stopped');
    expect(service.healthcheck?.disable ?? false).toBe(isOnce);
    // The image of the shop has a check of its own.
    if (!isOnce && service.image !== 'flashsale') expect(service.healthcheck?.test).toBeDefined();
  });

  it.each(services)('%s gets its own secrets as files, and no other', (_name, service) => {
    const given = (service.secrets ?? []).map((one) =>
      typeof one === 'string' ? one : one.source,
    );
    const targets = (service.secrets ?? []).filter((one) => typeof one !== 'string');
    const told = JSON.stringify([service.environment, service.command]);
    const used = [...told.matchAll(/\/run\/secrets\/(\w+)/g)].map(([, secret = '']) => secret);
    const inConfiguration = ['tls_certificate', 'tls_key'];
    if (_name === 'edge-config') {
      expect(used).toEqual(expect.arrayContaining(inConfiguration));
      expect(given).toEqual(['trust_proxy_secret']);
      return;
    }
    const expected = [...used, ...targets.map(({ source }) => source)];
    if (_name === 'edge') expected.push(...inConfiguration);
    expect(given.toSorted()).toEqual(expected.toSorted());
    expect(given.filter((secret) => !(secret in compose.secrets))).toEqual([]);
    const open = Object.keys(environmentOf(service)).filter(
      (variable) => variable in SECRET_VARIABLES || /(PASSWORD|SECRET|PASS|KEY)$/.test(variable),
    );
    expect(open).toEqual([]);
  });

  it('names only secret files that `flashsale secrets new` makes, and the certificate', () => {
    const files = Object.values(compose.secrets).map(({ file }) => file);
    const made = secrets.names.map((name) => join(secrets.folder, name));
    const others = files.filter((file) => !made.includes(file));
    expect(others).toEqual(
      ['tls_certificate', 'tls_key'].map((name) => join(secrets.folder, name)),
    );
  });

  const programs = services.flatMap(([name, service]) => {
    const entry = service.command?.find((word) => word in PROGRAMS);
    return entry === undefined ? [] : [[name, entry, environmentOf(service)] as const];
  });

  it('commands know what the processes know: origins of pictures, and where web nodes tell figures', () => {
    const [operator, console] = ['operator', 'console'].map((name) =>
      environmentOf(compose.services[name] ?? {}),
    );
    expect(operator).toMatchObject({
      IMAGE_ORIGINS: GIVEN.IMAGE_ORIGINS,
      WEB_MONITORS: console?.['WEB_MONITORS'],
    });
  });

  it('nginx has as many worker processes as its service has cores, whatever the machine has', () => {
    const { command = [] } = compose.services['edge-config'] ?? {};
    const processes = command.find((word) => word.startsWith('--set=worker_processes='));
    const { cpus } = compose.services['edge']?.deploy?.resources.limits ?? {};
    expect(processes).toBe(`--set=worker_processes=${cpus}`);
  });

  it('RabbitMQ knows the memory that its service may use', () => {
    const { configs = [], deploy } = compose.services['rabbitmq'] ?? {};
    const texts = configs.map(({ source }) => textOf(compose.configs[source]?.file ?? ''));
    const known = /^total_memory_available_override_value = (\d+)GB$/m.exec(texts.join('\n'))?.[1];
    expect(deploy?.resources.limits).toMatchObject({ memory: `${known}g` });
  });

  it('Prometheus asks every process of the shop', () => {
    const [{ targets }] = JSON.parse(textOf('ops/monitoring/targets/flashsale.json'));
    const asked = services
      .filter(([name, { image }]) => image === 'flashsale' && !ONCE.includes(name))
      .map(([name]) => `${name}:9100`);
    expect(targets.toSorted()).toEqual(asked.toSorted());
  });

  it.each(programs)('%s: %s takes its variables and its secrets', (_name, entry, environment) => {
    expect(unknownTo(entry, Object.keys(environment))).toEqual([]);
    const mounted = Object.entries(environment).map(([variable, value]) => [
      variable,
      value.replace(
        /^\/run\/secrets\/(\w+)$/,
        (_all, secret) => compose.secrets[secret]?.file ?? '',
      ),
    ]);
    expect(() => PROGRAMS[entry]?.read(Object.fromEntries(mounted))).not.toThrow();
  });
});
