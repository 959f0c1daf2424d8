import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, matchesGlob } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { withSecretsOfFiles } from '../../contracts/config.ts';
import { homesOf, type Servers, serversOfEnvironment } from '../../ops/stack/servers.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { interpolate } from '../compose-file.ts';
import { build, KUBERNETES, workloadsIn } from './manifests.ts';
import { type Environment, makeHotUrls, makeSecrets, unknownTo } from './processes.ts';

/** The files for hot homes on servers of their own give every process the URLs that the document makes. */

const ROOT = join(import.meta.dirname, '../..');
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const secrets = makeSecrets();
afterAll(secrets.remove);

/** The login in the URL of `regular`, and that in the URL of each hot home. */
function loginsOf(environment: Environment): [homes: string[], logins: Set<string>] {
  const read = { ZOOKEEPER: 'zk:2181', ...withSecretsOfFiles(environment) };
  const servers = serversOfEnvironment(read) as Servers;
  const urls = [servers.databaseUrl, ...Object.values(servers.hotDatabaseUrls ?? {})];
  return [homesOf(servers), new Set(urls.map((url) => url.slice(0, url.indexOf('@'))))];
}

function expectHomes(entry: string, environment: Environment, mount: RegExp) {
  const mounted = Object.entries(environment).flatMap(([name, value]) =>
    name.includes('DATABASE_URL') ? [[name, value.replace(mount, `${secrets.folder}/`)]] : [],
  );
  expect(unknownTo(entry, ['HOT_DATABASE_URLS_FILE'])).toEqual([]);
  const [homes, logins] = loginsOf(Object.fromEntries(mounted));
  expect(homes).toEqual(['regular', 'hot', 'hot-1']);
  expect(logins.size).toBe(1);
}

it('of a shop that has sold, hot stays on the server of regular', () => {
  const grown = makeSecrets();
  makeHotUrls(grown.folder, 'grown');
  const servers = serversOfEnvironment(
    withSecretsOfFiles({
      DATABASE_URL_FILE: join(grown.folder, 'database_url_web'),
      HOT_DATABASE_URLS_FILE: join(grown.folder, 'hot_database_urls_web'),
    }),
  );
  grown.remove();
  const { hot, 'hot-1': further, ...others } = servers.hotDatabaseUrls ?? {};
  expect([hot, others]).toEqual([servers.databaseUrl, {}]);
  expect(further).toContain('@postgres-hot-1:5432/');
});

describe('compose', () => {
  interface Service {
    readonly extends?: { readonly service: string };
    readonly environment?: Environment;
    readonly command?: readonly string[];
    readonly secrets?: readonly string[];
    readonly volumes?: readonly string[];
    readonly entrypoint?: readonly string[];
  }
  const read = (file: string) =>
    parse(interpolate(textOf(file), { SHOP_HOST: 'shop.example' }), {
      merge: true,
      maxAliasCount: -1,
    }).services as Record<string, Service>;
  const production = read('docker-compose.production.yml');
  const more = read('docker-compose.hot-homes.yml');
  const users = Object.entries({ ...production, ...more }).filter(
    ([name]) => production[name]?.environment?.['DATABASE_URL_FILE'] || name === 'worker-hot-1',
  );

  it('adds a worker for the queue of the home', () => {
    expect(more['worker-hot-1']).toMatchObject({
      extends: { service: 'worker-hot' },
      environment: { QUEUES: 'hot-1' },
    });
  });

  it('has Prometheus ask the new worker and the exporters of the new servers', () => {
    const [volume = ''] = more['prometheus']?.volumes ?? [];
    const folder = join(ROOT, volume.replace(/:.*/, ''));
    const targets = readdirSync(folder).flatMap((file) =>
      JSON.parse(readFileSync(join(folder, file), 'utf8')).flatMap(
        (group: { targets: string[] }) => group.targets,
      ),
    );
    const exporters = Object.entries(more)
      .filter(([, service]) => service.extends?.service === 'postgres-exporter')
      .map(([name, { environment }]) => [name, environment?.['DATA_SOURCE_URI']]);
    expect(exporters).toEqual(
      ['hot', 'hot-1'].map((home) => [
        `postgres-exporter-${home}`,
        `postgres-${home}:5432/flashsale?sslmode=disable`,
      ]),
    );
    const ports = exporters.map(([name]) => `${name}:9187`);
    expect(targets.toSorted()).toEqual([...ports, 'worker-hot-1:9100'].toSorted());
    // Each file belongs to a job.
    const { scrape_configs: jobs } = parse(textOf('ops/monitoring/prometheus.yml'));
    const patterns = JSON.stringify(jobs).match(/targets\/[a-z]+\*\.json/g) ?? [];
    for (const file of readdirSync(folder)) {
      expect(patterns.some((pattern) => matchesGlob(`targets/${file}`, pattern))).toBe(true);
    }
    expect(JSON.stringify(production['prometheus']?.entrypoint)).toContain(
      'cp /more-targets/*.json',
    );
  });

  it.each(users)('%s gets the URLs of all homes', (name, own) => {
    const base = production[own.extends?.service ?? name];
    const environment = { ...base?.environment, ...own.environment };
    const entry = base?.command?.find((word) => word.endsWith('.ts')) ?? 'keeper/main.ts';
    const secret = environment['HOT_DATABASE_URLS_FILE']?.replace('/run/secrets/', '');
    expect(own.secrets).toEqual([secret]);
    expectHomes(entry, environment, /^\/run\/secrets\//);
  });
});

describe('systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  afterAll(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, 'ops/systemd'), folder, { recursive: true });
  cpSync(join(ROOT, 'ops/systemd/hot-homes'), folder, { recursive: true });
  const units = globSync('*.service', { cwd: folder })
    .sort()
    .filter((unit) => unit !== 'flashsale-edge.service');

  it('takes the units with their drop-ins', () => {
    const names = units.map((unit) => `./${unit.replace('@.', '@1.')}`);
    const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', ...names], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect([stdout, stderr, status]).toEqual(['', '', 0]);
  });

  it.each(units)('%s gets the URLs of all homes', (unit) => {
    const text = [unit, ...globSync(`${unit}.d/*.conf`, { cwd: folder })]
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    const files = new Map(
      [...text.matchAll(/^LoadCredential=(\w+):(.*)$/gm)].map((m) => [m[1], m[2]]),
    );
    const variables = [...text.matchAll(/(\w+_FILE)=%d\/(\w+)/g)].map(([, name, credential]) => [
      name,
      files.get(credential),
    ]);
    const entry = /^ExecStart=\/usr\/bin\/env node (\S+)/m.exec(text)?.[1] ?? '';
    expectHomes(entry, Object.fromEntries(variables), /^\/etc\/flashsale\/secrets\//);
  });
});

describe('Kubernetes', () => {
  const manifests = build(join(KUBERNETES, 'hot-homes'), build(join(KUBERNETES, 'base')));
  const workloads = workloadsIn(manifests);
  const programs = workloads.flatMap(({ name, pod }) =>
    pod.containers.flatMap((container) => {
      const entry = container.command?.find(
        (word) => word.endsWith('/main.ts') || word.endsWith('prepare.ts'),
      );
      return entry === undefined ? [] : [[name, entry, container, pod] as const];
    }),
  );

  it('adds a worker for the queue of the home', () => {
    const added = workloads.find(({ name }) => name === 'worker-hot-1');
    expect(added?.pod.containers[0]?.env).toContainEqual({ name: 'QUEUES', value: 'hot-1' });
  });

  it('sets up all servers of PostgreSQL alike', () => {
    const [first, ...others] = manifests
      .filter(({ kind }) => kind === 'Cluster')
      .map(({ spec, metadata: { name } }) =>
        JSON.parse(JSON.stringify(spec).replaceAll(`"${name}"`, '"NAME"')),
      );
    expect(others).toEqual([first, first]);
  });

  const commands = workloads
    .filter(({ name }) => name === 'operator')
    .flatMap(({ pod }) =>
      pod.containers.map(
        (container) => [container.name, 'ops/stack/prepare.ts', container, pod] as const,
      ),
    );
  const all = [...programs, ...commands];

  it.each(all)('%s gets the URLs of all homes', (_name, entry, { env = [] }, { volumes }) => {
    const items = volumes.flatMap(({ secret }) => secret?.items ?? []).map(({ path }) => path);
    const environment = Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));
    expect(items).toContain(environment['HOT_DATABASE_URLS_FILE']?.replace('/secrets/', ''));
    expectHomes(entry, environment, /^\/secrets\//);
  });
});
