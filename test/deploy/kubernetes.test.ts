import { readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  parseEnvironment,
  withSecretsOfFiles,
  zookeeperCredentialSpecs,
  zookeeperPath,
} from '../../contracts/config.ts';
import { createMetrics } from '../../process/metrics.ts';
import { protectionOf } from '../../zk/client/protection.ts';
import {
  build,
  type Container,
  KUBERNETES,
  type Labels,
  type PodSpec,
  selects,
  workloadsIn,
} from './manifests.ts';
import { makeSecrets, PROGRAMS, unknownTo } from './processes.ts';

/** What the schemas of Kubernetes do not hold: the manifests fit together, and to the processes. */

const ROOT = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const DEPLOYMENT = readFileSync(join(ROOT, 'docs/deployment.md'), 'utf8');

const secrets = makeSecrets();
afterAll(secrets.remove);

const manifests = build(join(KUBERNETES, 'base'));
const workloads = workloadsIn(manifests);
const named = workloads.map((workload) => [workload.name, workload] as const);
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const containersOf = ({ initContainers = [], containers }: PodSpec) => [
  ...initContainers,
  ...containers,
];
const dataOf = (name: string) =>
  ofKind('ConfigMap').find(({ metadata }) => metadata.name === name)?.data ?? {};

/** Waits for commands and serves nothing. */
const IDLE = 'operator';

/** The variables of a container, by themselves and from configuration. */
function environmentOf({ env = [], envFrom = [] }: Container): Record<string, string> {
  const shared = envFrom.map(({ configMapRef }) => dataOf(configMapRef.name));
  const own = env.map(({ name, value, valueFrom }) => {
    const { name: map = '', key = '' } = valueFrom?.configMapKeyRef ?? {};
    return [name, value ?? dataOf(map)[key] ?? ''];
  });
  return Object.assign({}, ...shared, Object.fromEntries(own));
}

it('there is a workload for every process of a shop', () => {
  expect(
    workloads.map(({ kind, name, replicas }) => `${kind} ${name} ${replicas ?? ''}`.trim()),
  ).toEqual([
    'StatefulSet zookeeper 3',
    'Job prepare',
    'Deployment keeper 2',
    'Deployment worker-regular 2',
    'Deployment worker-hot 2',
    'StatefulSet web',
    'Deployment edge 2',
    'Deployment console 1',
    'Deployment operator 0',
    'Deployment blackbox-exporter 1',
  ]);
});

describe.each(named)('the pods of %s', (name, { kind, pod, labels, selector, replicas }) => {
  it('are what Pod Security calls restricted', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const container of containersOf(pod)) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('are bounded, and of one version', () => {
    for (const { resources, image } of containersOf(pod)) {
      expect(Object.keys(resources.limits)).toEqual(['cpu', 'memory']);
      expect(Object.keys(resources.requests)).toEqual(['cpu', 'memory']);
      expect(image).toMatch(/^[a-z./-]+:v?\d+(\.\d+)+$/);
      if (image.startsWith('flashsale:')) expect(image).toBe(`flashsale:${version}`);
    }
    const unbounded = pod.volumes.filter(({ emptyDir }) => emptyDir && !emptyDir.sizeLimit);
    expect(unbounded).toEqual([]);
  });

  it('have the three probes', () => {
    if (kind === 'Job' || name === IDLE) return;
    for (const container of pod.containers) {
      const { startupProbe, livenessProbe, readinessProbe } = container;
      expect([startupProbe, livenessProbe, readinessProbe]).not.toContain(undefined);
      if (!container.image.startsWith('flashsale:')) continue;
      expect(startupProbe).toMatchObject({ httpGet: { path: '/livez', port: 'monitor' } });
      expect(livenessProbe).toMatchObject({ httpGet: { path: '/livez', port: 'monitor' } });
      expect(readinessProbe).toMatchObject({ httpGet: { path: '/readyz', port: 'monitor' } });
    }
  });

  it('are spread over zones and machines, and go one at a time', () => {
    if (kind === 'Job') return;
    const spread = pod.topologySpreadConstraints ?? [];
    expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    expect(spread.every(({ labelSelector }) => selects(labelSelector, labels))).toBe(true);
    expect(selects(selector ?? {}, labels)).toBe(true);
    if (replicas !== undefined && replicas < 2) return;
    const budgets = ofKind('PodDisruptionBudget').filter(({ spec }) =>
      selects(spec?.selector ?? {}, labels),
    );
    expect(budgets.map(({ spec }) => spec?.['maxUnavailable'])).toEqual([1]);
  });

  it('mount what exists: configuration, secrets that are made, and what the document tells', () => {
    const volumes = pod.volumes.map(({ name }) => name);
    const claims = ['data'];
    for (const { volumeMounts, envFrom = [] } of containersOf(pod)) {
      const unknown = volumeMounts.filter(({ name }) => ![...volumes, ...claims].includes(name));
      expect(unknown).toEqual([]);
      for (const { configMapRef } of envFrom) expect(dataOf(configMapRef.name)).not.toEqual({});
    }
    for (const { configMap, secret } of pod.volumes) {
      if (configMap) expect(dataOf(configMap.name)).not.toEqual({});
      if (secret === undefined) continue;
      expect(secret.defaultMode).toBe(0o440);
      expect(DEPLOYMENT).toContain(`\`${secret.secretName}\``);
      if (secret.secretName !== 'flashsale') continue;
      const keys = secret.items?.map(({ key }) => key) ?? [];
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.filter((key) => !secrets.names.includes(key))).toEqual([]);
      const told = JSON.stringify(containersOf(pod));
      expect(keys.filter((key) => !told.includes(`/secrets/${key}`))).toEqual([]);
    }
  });
});

const programs = workloads.flatMap(({ name, pod }) =>
  pod.containers.flatMap((container) => {
    const entry = container.command?.find((word) => word in PROGRAMS);
    return entry === undefined ? [] : [[name, entry, container] as const];
  }),
);

it('all workloads but the edge, ZooKeeper, the exporter and an idle one start a program of the shop', () => {
  expect(programs).toHaveLength(workloads.length - 4);
});

it('every command has a container with the logins that it needs', () => {
  const found = workloads.find(({ name }) => name === IDLE)?.pod.containers ?? [];
  const [operator, dba] = found.map((container) => {
    const given = Object.entries(environmentOf(container)).map(([variable, value]) => [
      variable,
      value.replace(/^\/secrets\//, `${secrets.folder}/`),
    ]);
    return withSecretsOfFiles(Object.fromEntries(given));
  });
  expect(operator?.['DATABASE_URL']).toContain('flashsale_ops');
  expect(dba?.['DATABASE_URL']).toContain('postgres:');
  expect(operator).toMatchObject({ ZOOKEEPER: expect.any(String), AMQP_URL: expect.any(String) });
  const { ZK_AUTH = '', ZK_ACL = '' } = operator ?? {};
  expect(() =>
    protectionOf(
      parseEnvironment(
        { ZK_AUTH, ZK_ACL, ZK_ROOT: '/flashsale' },
        { ...zookeeperCredentialSpecs, ZK_ROOT: zookeeperPath() },
      ),
      'operator',
    ),
  ).not.toThrow();
});

it.each(programs)('%s: %s takes its variables and its secrets', (_name, entry, container) => {
  const own = (container.env ?? []).map(({ name }) => name);
  expect(unknownTo(entry, own)).toEqual([]);
  const environment = Object.entries(environmentOf(container)).map(([variable, value]) => [
    variable,
    value.replace(/^\/secrets\//, `${secrets.folder}/`),
  ]);
  expect(() => PROGRAMS[entry]?.read(Object.fromEntries(environment))).not.toThrow();
});

it('the shared variables are known to some program', () => {
  const names = Object.keys(dataOf('flashsale'));
  const unknown = names.filter((name) =>
    Object.keys(PROGRAMS).every((entry) => unknownTo(entry, [name]).length > 0),
  );
  expect(unknown).toEqual([]);
});

it.each(ofKind('Service').map((service) => [service.metadata.name, service] as const))(
  'the service %s leads to ports of one workload',
  (_name, { spec }) => {
    const matchLabels = spec?.selector as Labels;
    const targets = workloads.filter(({ labels }) => selects({ matchLabels }, labels));
    expect(targets).toHaveLength(1);
    const ports = targets[0]?.pod.containers.flatMap(({ ports = [] }) => ports) ?? [];
    const wanted = spec?.['ports'] as { targetPort: string; port: number }[];
    for (const { targetPort } of wanted)
      expect(ports.map(({ name }) => name)).toContain(targetPort);
  },
);

it('each StatefulSet has the service that gives its pods their names', () => {
  for (const { spec, metadata } of ofKind('StatefulSet')) {
    const service = ofKind('Service').find(({ metadata: { name } }) => name === spec?.serviceName);
    expect([metadata.name, service?.spec?.['clusterIP']]).toEqual([metadata.name, 'None']);
  }
});

it('nginx has as many worker processes as its pod has cores, whatever the machine has', () => {
  const edge = workloads.find(({ name }) => name === 'edge')?.pod;
  const [limits] = edge?.containers.map(({ resources }) => resources.limits) ?? [];
  const processes = /--set worker_processes=(\d+) /.exec(`${edge?.initContainers?.[0]?.args}`)?.[1];
  expect(limits).toMatchObject({ cpu: processes });
});

describe('the autoscaling of web nodes', () => {
  const [scaled] = ofKind('ScaledObject');
  const spec = scaled?.spec as {
    scaleTargetRef: { kind: string; name: string };
    maxReplicaCount: number;
    triggers: { type: string; metadata: Record<string, string> }[];
  };

  it('has a target whose number nobody else sets, and a place at the edge for each node', () => {
    const target = workloads.find(({ name }) => name === spec.scaleTargetRef.name);
    expect(target).toMatchObject({ kind: spec.scaleTargetRef.kind, replicas: undefined });
    expect(spec.maxReplicaCount).toBeLessThanOrEqual(Number(dataOf('edge')['WEB_NODES_MAX']));
  });

  it('follows a schedule before the opening, and the use of event loops', async () => {
    const [schedule, use] = spec.triggers;
    expect(spec.triggers.map(({ type }) => type)).toEqual(['cron', 'prometheus']);
    expect(Number(schedule?.metadata['desiredReplicas'])).toBeLessThanOrEqual(spec.maxReplicaCount);
    const metrics = createMetrics('web');
    const [metric = 'none', label = 'none'] = [
      /rate\((\w+)/.exec(use?.metadata['query'] ?? '')?.[1],
      /process="\w+"/.exec(use?.metadata['query'] ?? '')?.[0],
    ];
    const busy = async () => {
      const found = new RegExp(`^${metric}\\{${label}\\} (\\S+)$`, 'm').exec(
        await metrics.text([metric]),
      );
      return Number(found?.[1]);
    };
    const before = await busy();
    for (let word = 'x', ends = performance.now() + 20; performance.now() < ends; )
      word = `${word}`;
    await new Promise((resolve) => setImmediate(resolve));
    expect(await busy()).toBeGreaterThan(before + 0.015);
  });
});

const shop = build(join(KUBERNETES, 'example'));

it('the overlay sets the time of the opening, and keeps how load is measured', () => {
  const triggersIn = (all: typeof manifests) =>
    all.find(({ kind }) => kind === 'ScaledObject')?.spec?.['triggers'] as { type: string }[];
  const [measured, kept] = [manifests, shop].map((all) =>
    triggersIn(all).filter(({ type }) => type !== 'cron'),
  );
  expect(kept).toEqual(measured);
});

it('the pods of the edge are believed, whichever private network the cluster has', () => {
  const believed = new BlockList();
  for (const range of dataOf('flashsale')['TRUST_PROXY']?.split(',') ?? []) {
    const [network = '', bits] = range.split('/');
    believed.addSubnet(network, Number(bits));
  }
  const pods = ['10.244.1.2', '172.16.3.4', '192.168.5.6', '100.64.7.8'];
  expect(pods.filter((address) => !believed.check(address))).toEqual([]);
  expect(believed.check('203.0.113.9')).toBe(false);
});

it('the overlay replaces the image of the shop and the name of the shop', () => {
  const images = workloadsIn(shop).flatMap(({ pod }) =>
    containersOf(pod).map(({ image }) => image),
  );
  expect(images).toContain(`registry.shop.example/flashsale:${version}`);
  expect(images.filter((image) => image.startsWith('flashsale:'))).toEqual([]);
  const edge = shop.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'edge');
  expect(edge?.data).toEqual({ ...dataOf('edge'), SHOP_HOST: 'sale.shop.example' });
});
