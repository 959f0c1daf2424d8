import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../process/metrics.ts';
import { build, KUBERNETES, type Manifest, workloadsIn } from './manifests.ts';

/** Prometheus in Kubernetes finds what the rules of the alerts need. */

const ROOT = join(import.meta.dirname, '../..');
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const monitoring = (file: string) => text(`ops/monitoring/${file}`);

const manifests = build(join(KUBERNETES, 'base'));
const hosts = build(join(KUBERNETES, 'hosts'));
const workloads = workloadsIn(manifests);
const ofKind = (kind: string) => manifests.filter((manifest: Manifest) => manifest.kind === kind);
const dataOf = (name: string) =>
  ofKind('ConfigMap').find(({ metadata }) => metadata.name === name)?.data ?? {};

describe('what Prometheus reads', () => {
  const scraped = parse(readFileSync(join(KUBERNETES, 'prometheus.yml'), 'utf8'));
  const usual = parse(monitoring('prometheus.yml'));

  it('has the configuration of ops/monitoring, which the database names', () => {
    expect(dataOf('postgres-queries')['queries']).toBe(monitoring('postgres-queries.yml'));
    expect(dataOf('blackbox')['blackbox.yml']).toBe(monitoring('blackbox.yml'));
    const [cluster] = ofKind('Cluster');
    expect(cluster?.spec?.['monitoring']).toEqual({
      customQueriesConfigMap: [{ name: 'postgres-queries', key: 'queries' }],
    });
  });

  it('has the jobs and intervals that the rules expect, but that of ZooKeeper', () => {
    expect(scraped.global).toEqual(usual.global);
    const jobs = ({ scrape_configs }: typeof usual) =>
      scrape_configs.map(
        ({ job_name, scrape_interval, sample_limit }: Record<string, string | number>) => {
          expect([job_name, sample_limit]).toEqual([job_name, expect.any(Number)]);
          return [job_name, scrape_interval, sample_limit];
        },
      );
    expect(jobs(scraped)).toEqual(
      jobs(usual).filter(([name]: readonly string[]) => name !== 'zookeeper'),
    );
  });

  it('are ports that pods have', () => {
    const ports = workloads.flatMap(({ pod }) => pod.containers.flatMap(({ ports = [] }) => ports));
    const named = JSON.stringify(scraped).match(/"regex":"(monitor)"/)?.[1];
    expect(ports.map(({ name }) => name)).toContain(named);
    const address = /blackbox-exporter\.flashsale\.svc:(\d+)/.exec(JSON.stringify(scraped))?.[1];
    expect(ports).toContainEqual({ name: 'metrics', containerPort: Number(address) });
  });
});

it('each machine has an exporter that may read it and nothing else', () => {
  const [workload] = workloadsIn(hosts);
  expect(workload).toMatchObject({ kind: 'DaemonSet', name: 'node-exporter' });
  const [container] = workload?.pod.containers ?? [];
  expect(container).toMatchObject({
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'host', readOnly: true }],
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

const rules: Rule[] = parse(text('ops/alerts/flashsale.rules.yml')).groups.flatMap(
  ({ rules: own }: { rules: Rule[] }) => own,
);

/** The metrics that an expression of PromQL reads. */
function metricsIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|on|group_left)\s*\([^)]*\)/g, ' ');
  const names = bare.match(/\b[a-z]\w*(?!\w|\s*\()/g) ?? [];
  return names.filter((name) => !['and', 'or', 'unless'].includes(name));
}

/** What the exporters of others show of themselves; the rules read no other of their metrics. */
const OF_OTHERS: Readonly<Record<string, readonly string[]>> = {
  host: ['node_filesystem_avail_bytes', 'node_filesystem_size_bytes', 'node_filesystem_readonly'],
  shop: ['probe_success', 'probe_ssl_earliest_cert_expiry'],
};

describe('each metric that a rule reads', () => {
  const scraped = parse(text('ops/kubernetes/prometheus.yml'));
  const job = (name: string) =>
    scraped.scrape_configs.find(({ job_name }: { job_name: string }) => job_name === name);
  const queries: Readonly<Record<string, { readonly metrics: readonly object[] }>> = parse(
    monitoring('postgres-queries.yml'),
  );
  const columns = Object.entries(queries).flatMap(([query, { metrics }]) =>
    metrics.flatMap((column) => Object.keys(column).map((name) => `${query}_${name}`)),
  );
  /** The jobs of Prometheus that bring a metric. */
  const jobsOf = async (metric: string): Promise<string[]> => {
    if (metric === 'up') return ['prometheus'];
    const own = await createMetrics('web').text();
    const isOwn = metric.startsWith('flashsale_') || own.includes(`\n${metric}`);
    return [
      ...(isOwn ? ['flashsale'] : []),
      ...(columns.includes(metric) ? ['postgres'] : []),
      ...Object.keys(OF_OTHERS).filter((name) => OF_OTHERS[name]?.includes(metric)),
    ];
  };

  it('comes from one job, and the document names the alerts of each exporter', async () => {
    const alerts: Record<string, string[]> = {};
    for (const { alert, expr } of rules) {
      const metrics = metricsIn(expr);
      expect([alert, metrics.length]).not.toEqual([alert, 0]);
      const jobs = new Set<string>();
      for (const metric of metrics) {
        const found = await jobsOf(metric);
        expect([alert, metric, found.length]).toEqual([alert, metric, 1]);
        for (const each of found) jobs.add(each);
      }
      for (const each of jobs) alerts[each] = [...(alerts[each] ?? []), alert];
    }
    expect(Object.keys(alerts).sort()).toEqual([
      ...['flashsale', 'host', 'postgres', 'prometheus', 'shop'],
    ]);
    const told = new Map(
      [...text('docs/deployment.md').matchAll(/^\| `(postgres|host|shop)` \| (.*?) \|/gm)].map(
        ([, name = '', cell = '']) => [name, cell.match(/Flashsale\w+/g) ?? []] as const,
      ),
    );
    for (const name of ['postgres', 'host', 'shop']) {
      expect([name, told.get(name)]).toEqual([name, alerts[name]]);
    }
  });

  it('of PostgreSQL has the name that the rules know, and the label that they group by', () => {
    const { metric_relabel_configs: renamed, relabel_configs: labels } = job('postgres');
    const [{ regex, target_label }] = renamed;
    expect(target_label).toBe('__name__');
    for (const name of columns) {
      expect(new RegExp(`^(?:${regex})$`).exec(`cnpg_${name}`)?.[1]).toBe(name);
    }
    expect(labels.map((each: Record<string, string>) => each['target_label'])).toContain('server');
  });

  it('comes from pods of the manifests', () => {
    const [cluster] = ofKind('Cluster');
    const wanted = (name: string, label: string): RegExp => {
      const source = job(name).relabel_configs.find(
        ({ source_labels: [from] }: { source_labels: string[] }) => from?.endsWith(label),
      );
      return new RegExp(`^(?:${source.regex})$`);
    };
    expect(cluster?.metadata.name).toMatch(wanted('postgres', 'cnpg_io_cluster'));
    const [exporter] = workloadsIn(hosts);
    expect(exporter?.name).toMatch(wanted('host', 'app_kubernetes_io_name'));
    const {
      kubernetes_sd_configs: [{ namespaces }],
    } = job('host');
    const [namespace] = hosts.filter(({ kind }) => kind === 'Namespace');
    expect(namespaces.names).toEqual([namespace?.metadata.name]);
    expect(job('shop').params.module).toEqual(
      expect.arrayContaining([
        expect.toBeOneOf(Object.keys(parse(monitoring('blackbox.yml')).modules)),
      ]),
    );
  });
});
