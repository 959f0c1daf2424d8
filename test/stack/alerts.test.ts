import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { files, textOf } from '../house/files.ts';

/** The alert rules, checked with promtool on series as the processes report them. */

const RULES = 'ops/alerts/flashsale.rules.yml';
const TESTS = 'ops/alerts/flashsale.tests.yml';
const CONFIGS = ['ops/monitoring/prometheus.yml', 'ops/kubernetes/prometheus.yml'];
const ROOT = join(import.meta.dirname, '../..');
/** The longest time in which a process notices a frozen server, and the scrape interval. */
const NOTICED_S = 10;
const SCRAPE_S = 5;
const FIRES_WITHIN_S = 30;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));

beforeAll(() =>
  ensurePackages(
    ['prometheus'],
    { path: process.env['PATH'] ?? '', root: '/' },
    createProgress(() => {}),
  ),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly alert: string;
  readonly series: Readonly<Record<string, string>>;
  readonly atSeconds: number;
  /** Between two values of a series; `SCRAPE_S` without it. */
  readonly everySeconds?: number;
  /** Labels of the alert that must fire. Undefined means that it must not fire. */
  readonly fires?: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly promql_expr_test: readonly { readonly expr: string }[];
}

/**
 * Runs promtool once for all tests. It evaluates each rule for each test, so a test gets the rules
 * of the alerts that it names and no others.
 */
async function runPromtool(tests: readonly RuleTest[]): Promise<void> {
  const { groups } = parse(textOf(RULES)) as {
    groups: { name: string; rules: { alert: string }[] }[];
  };
  const byAlerts = Map.groupBy(tests, ({ promql_expr_test: asked }) => {
    const named = asked.flatMap(({ expr }) => [...expr.matchAll(/alertname="(\w+)"/g)]);
    return [...new Set(named.map(([, alert]) => alert))].sort().join('-');
  });
  const paths = [...byAlerts].map(([alerts, those]) => {
    const wanted = alerts.split('-');
    const rules = groups.flatMap((group) =>
      group.rules.filter((rule) => wanted.includes(rule.alert)),
    );
    expect(rules.map(({ alert }) => alert).sort()).toEqual(wanted);
    const file = join(folder, `${alerts}.yml`);
    // JSON is valid YAML.
    writeFileSync(`${file}.rules`, JSON.stringify({ groups: [{ name: 'tested', rules }] }));
    const content = { rule_files: [`${file}.rules`], evaluation_interval: '5s', tests: those };
    writeFileSync(file, JSON.stringify(content));
    return file;
  });
  await run('promtool', ['test', 'rules', ...paths]);
}

async function judge(cases: readonly Case[]): Promise<void> {
  const labels = (alert: string, fires: Readonly<Record<string, string>>) =>
    Object.entries({ alertname: alert, ...fires }).map(([name, value]) => `${name}="${value}"`);
  const tests = cases.map(({ alert, series, atSeconds, everySeconds = SCRAPE_S, fires }) => ({
    interval: `${everySeconds}s`,
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        // Other labels are not compared.
        expr:
          'count by (alertname, severity, dependency, queue, schema) ' +
          `(ALERTS{alertname="${alert}", alertstate="firing"})`,
        eval_time: `${atSeconds}s`,
        exp_samples: fires ? [{ labels: `{${labels(alert, fires).join(', ')}}`, value: 1 }] : [],
      },
    ],
  }));
  await runPromtool(tests);
}

test('Prometheus accepts the rules, their tests and the configurations, and their metrics exist', async () => {
  await run('promtool', ['check', 'rules', join(ROOT, RULES)]);
  await runPromtool((parse(textOf(TESTS)) as { tests: RuleTest[] }).tests);
  for (const config of CONFIGS) {
    // Debian's Prometheus is built without the discovery of Kubernetes.
    const text = textOf(config).replaceAll(/kubernetes_sd_configs: .*/g, 'static_configs: []');
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, text);
    await run('promtool', ['check', 'config', '--syntax-only', file]);
  }
  const code = files
    .filter((file) => /^(broker|db|keeper|process|server|worker|zk)\/.*\.ts$/.test(file))
    .map(textOf)
    .join('\n');
  const named = textOf(RULES).match(/\bflashsale_[a-z_]+/g) ?? [];
  const series = named.map((name) => name.replace(/_(?:bucket|count)$/, ''));
  expect(series.filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  expect(series.length).toBeGreaterThan(10);
});

test('the loss of a server fires within 30 s, once, and stops firing when the server is back', async () => {
  const alert = 'FlashsaleDependencyDown';
  const up = (dependency: string, process: string) =>
    `flashsale_dependency_up{dependency="${dependency}", process="${process}", job="flashsale"}`;
  const cases = ['postgres', 'postgres-hot', 'rabbitmq', 'zookeeper'].flatMap((dependency) => {
    // A single process has lost it and notices that as late as possible.
    const series = { [up(dependency, 'web')]: '1x200', [up(dependency, 'worker')]: '1x120 0x80' };
    const lostAtS = 121 * SCRAPE_S - NOTICED_S;
    const fires = { severity: 'critical', dependency };
    return [
      { alert, series, atSeconds: lostAtS },
      { alert, series, atSeconds: lostAtS + FIRES_WITHIN_S, fires },
    ];
  });
  const all = ['web', 'worker', 'keeper'].map((name) => [up('postgres', name), '1x20 0x20 1x20']);
  const series = Object.fromEntries(all);
  const fires = { severity: 'critical', dependency: 'postgres' };
  await judge([
    ...cases,
    { alert, series, atSeconds: 41 * SCRAPE_S, fires },
    { alert, series, atSeconds: 43 * SCRAPE_S },
  ]);
});

test('a refund that is due for more than a day fires', async () => {
  const alert = 'FlashsaleRefundOverdue';
  const due = (seconds: string) => ({
    'flashsale_refund_due_seconds{schema="hot", process="worker"}': seconds,
    'flashsale_refund_due_seconds{schema="regular", process="worker"}': '0x60',
  });
  const fires = { severity: 'warning', schema: 'hot' };
  await judge([
    { alert, series: due('86500+5x60'), atSeconds: 200, fires },
    { alert, series: due('80000+5x60'), atSeconds: 200 },
    // The refund was made meanwhile.
    { alert, series: due('86500x20 0x40'), atSeconds: 200 },
  ]);
});

test('a queue with fewer members than the cluster can provide fires', async () => {
  const alert = 'FlashsaleQueueFewMembers';
  const fires = { severity: 'warning', queue: 'orders.hot' };
  const seen = (members: number, nodes: number) => ({
    'flashsale_queue_members{queue="orders.hot", process="worker"}': `${members}x60`,
    'flashsale_broker_nodes{process="worker"}': `${nodes}x60`,
  });
  await judge([
    { alert, series: seen(1, 3), atSeconds: 200, fires },
    { alert, series: seen(2, 3), atSeconds: 200, fires },
    { alert, series: seen(3, 5), atSeconds: 200 },
    { alert, series: seen(1, 1), atSeconds: 200 },
  ]);
});

test('an audit that never ended fires, and a long one does not', async () => {
  const alert = 'FlashsaleAuditSilent';
  const due = (schema: string) => `flashsale_audit_due_timestamp_seconds{schema="${schema}"}`;
  const took = 'flashsale_audit_seconds{schema="regular"}';
  // An audit of two minutes, 38 minutes before the next one, which takes three times as long.
  const long = { [due('regular')]: '2400x552 5124x480', [took]: '120x1100' };
  const never = { [due('hot')]: '60x960' };
  const fires = { severity: 'warning', schema: 'hot' };
  await judge([
    { alert, series: { ...never, ...long }, atSeconds: 65 },
    { alert, series: { ...never, ...long }, atSeconds: 90, fires },
    ...[2_395, 2_760, 4_795].map((atSeconds) => ({
      alert,
      series: { ...long, [due('hot')]: '0+5x1100' },
      atSeconds,
    })),
    // Nobody audits one of the schemas.
    { alert, series: { [due('regular')]: '0+5x100' }, atSeconds: 300, fires },
  ]);
});

test('one slow call among few fires nothing, and some do', async () => {
  /** Of the calls of every 5 s, those that were fast. */
  const seen = (metric: string, labels: string, within: string, each: number, fast: number) => ({
    [`${metric}_bucket{${labels}le="${within}"}`]: `0+${each}x20 ${20 * each}+${fast}x5 ${20 * each + 5 * fast}+${each}x20`,
    [`${metric}_bucket{${labels}le="10"}`]: `0+${each}x50`,
    [`${metric}_bucket{${labels}le="+Inf"}`]: `0+${each}x50`,
  });
  const database = 'FlashsaleDatabaseSlow';
  const calls = (each: number, fast: number) => {
    const labels = 'schema="hot", routine="place_orders", ';
    return seen('flashsale_worker_procedure_seconds', labels, '0.5', each, fast);
  };
  const outcomes = 'FlashsaleOutcomesSlow';
  const waits = (each: number, fast: number) =>
    seen('flashsale_request_outcome_seconds', '', '1', each, fast);
  /** At night a call a second time; one of it is slow. */
  const once = (metric: string, labels: string, within: string) => ({
    [`${metric}_bucket{${labels}le="${within}"}`]: '1x20 2x50',
    [`${metric}_bucket{${labels}le="10"}`]: '1x20 3x50',
    [`${metric}_bucket{${labels}le="+Inf"}`]: '1x20 3x50',
  });
  const slow = { severity: 'warning' };
  const routine = 'schema="hot", routine="place_orders", ';
  const lonely = once('flashsale_worker_procedure_seconds', routine, '0.5');
  const alone = once('flashsale_request_outcome_seconds', '', '1');
  await judge([
    ...[105, 115, 125].map((atSeconds) => ({ alert: database, series: lonely, atSeconds })),
    ...[105, 115, 125].map((atSeconds) => ({ alert: outcomes, series: alone, atSeconds })),
    { alert: database, series: calls(2, 0), atSeconds: 125, fires: { ...slow, schema: 'hot' } },
    { alert: outcomes, series: waits(3, 0), atSeconds: 125, fires: slow },
    // Enough slow ones, but fewer than one in a hundred.
    { alert: database, series: calls(1_000, 999), atSeconds: 125 },
    { alert: outcomes, series: waits(1_000, 997), atSeconds: 125 },
    { alert: database, series: calls(2, 0), atSeconds: 200 },
  ]);
});

test('one purchase or look-up that fails at night wakes nobody, and some do', async () => {
  const answers = (verdict: string) => `flashsale_purchase_answers_total{verdict="${verdict}"}`;
  const lookUps = 'flashsale_refusals_total{verdict="status_unavailable"}';
  const critical = { severity: 'critical' };
  const judged = [
    ['FlashsaleSuccessLow', answers('internal_error'), critical],
    ['FlashsaleQuotaUnavailable', answers('quota_unavailable'), critical],
    ['FlashsaleStatusUnavailable', lookUps, { severity: 'warning' }],
  ] as const;
  /** The values do not come at the moments of the evaluations, so the window holds less than its 20 s. */
  const everySeconds = 3;
  const seen = (series: string, failed: string) => ({
    ...{ [answers('queued')]: '7x50', [series]: failed },
  });
  await judge(
    judged.flatMap(([alert, series, fires]) => [
      ...[65, 70, 75, 80].flatMap((atSeconds) => [
        { alert, series: seen(series, '0x20 1x30'), everySeconds, atSeconds },
        { alert, series: seen(series, '0x20 2x30'), everySeconds, atSeconds },
      ]),
      { alert, series: seen(series, '0x20 1+1x30'), everySeconds, atSeconds: 80, fires },
    ]),
  );
});

test('the last figures of a lost server fire nothing, but its loss does', async () => {
  const of = (instance: string) => `instance="${instance}", job="flashsale"`;
  const stale = (alert: string, severity: string, lost: string, told: string, more = {}) => {
    const [name = '', labels = ''] = told.split('|');
    const label = /queue=|schema=/.test(labels) && !labels.includes('dead-letters');
    const [key = '', value = ''] = labels.split('=');
    const fires = { severity, ...(label && { [key]: JSON.parse(value || '""') }) };
    const values = name.endsWith('consumers') ? '0x80' : '20000x80';
    const one = (instance: string) => ({ [`${name}{${labels}, ${of(instance)}}`]: values });
    const up = (instance: string, text: string) => ({
      [`flashsale_dependency_up{dependency="${lost}", ${of(instance)}}`]: text,
    });
    const everyone = { ...one('a:1'), ...up('a:1', '1x40 0x40'), ...more };
    const another = { ...everyone, ...one('b:1'), ...up('b:1', '1x80') };
    return [
      { alert, series: everyone, atSeconds: 195, fires },
      { alert, series: everyone, atSeconds: 395 },
      { alert, series: another, atSeconds: 395, fires },
      {
        alert: 'FlashsaleDependencyDown',
        series: everyone,
        atSeconds: 395,
        fires: { severity: 'critical', dependency: lost },
      },
    ];
  };
  const hot = 'queue="orders.hot"';
  await judge([
    ...stale('FlashsalePromiseBroken', 'critical', 'postgres', 'flashsale_audit_rows|schema="hot"'),
    ...stale('FlashsaleOrdersWait', 'warning', 'rabbitmq', `flashsale_queue_messages|${hot}`),
    ...stale('FlashsaleNoWorker', 'critical', 'rabbitmq', `flashsale_queue_consumers|${hot}`, {
      [`flashsale_queue_consumers{queue="orders.regular", ${of('a:1')}}`]: '1x80',
    }),
    ...stale(
      'FlashsaleDeadLetters',
      'warning',
      'rabbitmq',
      'flashsale_queue_messages|queue="orders.dead-letters"',
    ),
  ]);
});
