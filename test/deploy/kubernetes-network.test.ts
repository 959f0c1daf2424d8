import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  build,
  KUBERNETES,
  type Labels,
  type Selector,
  selects,
  workloadsIn,
} from './manifests.ts';

/** The network policies allow what the processes need, at both ends, and nothing else. */

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number | string; readonly protocol: string }[];
}
interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except: readonly string[] };
}
interface Policy {
  readonly podSelector: Selector;
  readonly policyTypes: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const manifests = build(join(KUBERNETES, 'hot-homes'), build(join(KUBERNETES, 'base')));
const policies = manifests
  .filter(({ kind }) => kind === 'NetworkPolicy')
  .map(({ spec }) => spec as unknown as Policy);

/** Pods of the namespace by name; those of the operators have labels that they give. */
const pods = new Map<string, { labels: Labels; ports: Map<string, number> }>([
  ['postgres', { labels: { 'cnpg.io/cluster': 'flashsale-db' }, ports: new Map() }],
  ['postgres-hot-1', { labels: { 'cnpg.io/cluster': 'flashsale-db-hot-1' }, ports: new Map() }],
  ['rabbitmq', { labels: { 'app.kubernetes.io/name': 'flashsale-mq' }, ports: new Map() }],
  ...workloadsIn(manifests).map(({ name, labels, pod }) => {
    const ports = pod.containers.flatMap(({ ports = [] }) => ports);
    const numbers = new Map(ports.map(({ name: port, containerPort }) => [port, containerPort]));
    return [name, { labels, ports: numbers }] as const;
  }),
]);
const podOf = (name: string) => pods.get(name) ?? { labels: {}, ports: new Map<string, number>() };

/** Whether some policy of `one` allows the other end: a pod of the namespace, or another namespace. */
function allows(
  one: string,
  way: 'ingress' | 'egress',
  isOther: (peer: Peer) => boolean,
  port: number,
): boolean {
  const { labels, ports } = podOf(one);
  return policies
    .filter(({ podSelector }) => selects(podSelector, labels))
    .flatMap((policy) => policy[way] ?? [])
    .filter((rule) => rule.ports.some((each) => (ports.get(`${each.port}`) ?? each.port) === port))
    .some(({ from, to }) => {
      const peers = from ?? to;
      return peers === undefined || peers.some(isOther);
    });
}

const isPod = (name: string) => (peer: Peer) =>
  peer.podSelector !== undefined && selects(peer.podSelector, podOf(name).labels);
const isNamespace = (name: string) => (peer: Peer) =>
  peer.namespaceSelector !== undefined &&
  selects(peer.namespaceSelector, { 'kubernetes.io/metadata.name': name });
const isInternet = (peer: Peer) => peer.ipBlock?.cidr === '0.0.0.0/0';

const WORKERS = ['worker-regular', 'worker-hot', 'worker-hot-1'];
const PROCESSES = ['web', ...WORKERS, 'keeper', 'console', 'operator', 'prepare'];
const POSTGRES = ['postgres', 'postgres-hot-1'];
const FLOWS: [from: string, to: string, port: number][] = [
  ['edge', 'web', 8080],
  ['console', 'web', 9100],
  ...POSTGRES.flatMap((server) =>
    [...PROCESSES, ...POSTGRES].map((name): [string, string, number] => [name, server, 5432]),
  ),
  ...PROCESSES.map((name): [string, string, number] => [name, 'rabbitmq', 5672]),
  ...['web', 'keeper', 'console', 'operator', 'prepare'].map((name): [string, string, number] => [
    name,
    'zookeeper',
    2181,
  ]),
  ['zookeeper', 'zookeeper', 2888],
  ['zookeeper', 'zookeeper', 3888],
  ['rabbitmq', 'rabbitmq', 25_672],
  ['rabbitmq', 'rabbitmq', 4369],
];
const isFlow = (from: string, to: string, port: number) =>
  FLOWS.some(([one, other, at]) => one === from && other === to && at === port);

it('nothing is allowed unless a policy says so', () => {
  expect(policies).toContainEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
});

it('each policy is for a pod that exists', () => {
  const idle = policies.filter(
    ({ podSelector }) => ![...pods.values()].some(({ labels }) => selects(podSelector, labels)),
  );
  expect(idle).toEqual([]);
});

it.each(FLOWS)('%s reaches %s at port %i', (from, to, port) => {
  expect(allows(from, 'egress', isPod(to), port)).toBe(true);
  expect(allows(to, 'ingress', isPod(from), port)).toBe(true);
});

it('no pod reaches another one at any other of these ports', () => {
  const ports = [...new Set([...FLOWS.map(([, , port]) => port), 8090])];
  const open = [...pods.keys()].flatMap((from) =>
    [...pods.keys()].flatMap((to) =>
      ports
        .filter(
          (port) =>
            !isFlow(from, to, port) && !(from === to && from === 'zookeeper' && port === 2181),
        )
        .filter(
          (port) =>
            allows(from, 'egress', isPod(to), port) && allows(to, 'ingress', isPod(from), port),
        )
        .map((port) => `${from} → ${to}:${port}`),
    ),
  );
  expect(open).toEqual([]);
});

describe('beyond the namespace', () => {
  it('everybody looks up names', () => {
    for (const name of pods.keys()) {
      expect(allows(name, 'egress', isNamespace('kube-system'), 53)).toBe(true);
    }
  });

  it('only the edge is reached from everywhere', () => {
    const open = [...pods.keys()].filter((name) => allows(name, 'ingress', () => false, 443));
    expect(open).toEqual(['edge']);
    expect(allows('blackbox-exporter', 'egress', isPod('edge'), 443)).toBe(true);
  });

  it('Prometheus reads metrics, and the operators reach their servers', () => {
    for (const name of ['web', 'worker-hot', 'keeper', 'console']) {
      expect(allows(name, 'ingress', isNamespace('monitoring'), 9100)).toBe(true);
    }
    expect(allows('operator', 'egress', isNamespace('monitoring'), 9090)).toBe(true);
    expect(allows('postgres', 'ingress', isNamespace('monitoring'), 9187)).toBe(true);
    expect(allows('blackbox-exporter', 'ingress', isNamespace('monitoring'), 9115)).toBe(true);
    expect(allows('rabbitmq', 'ingress', isNamespace('monitoring'), 15_692)).toBe(true);
    expect(allows('postgres', 'ingress', isNamespace('cnpg-system'), 8000)).toBe(true);
  });

  it('those that call others reach the internet, and never the networks of the cluster', () => {
    const calling = [...pods.keys()].filter((name) => allows(name, 'egress', isInternet, 443));
    expect(calling.filter((name) => ![...POSTGRES, 'rabbitmq'].includes(name))).toEqual([
      'worker-regular',
      'worker-hot',
      'web',
      'console',
      'operator',
      'worker-hot-1',
    ]);
    const blocks = policies.flatMap(({ egress = [] }) =>
      egress.flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => ipBlock ?? [])),
    );
    for (const { except } of blocks) {
      expect(except).toEqual(
        expect.arrayContaining(['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16']),
      );
    }
  });
});
