import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { NotKnown } from '../sources/not-known.ts';
import { alertmanagerState, type Rule, type Target } from '../sources/prometheus.ts';
import type { Sources } from '../sources/sources.ts';

/** Whether somebody would be woken: rules, targets, Alertmanager and its receivers. */

const RULES = new URL('../../alerts/flashsale.rules.yml', import.meta.url);
const PAGE = (base: string, page: string) => `${new URL(base).origin}/${page}`;
const SET_UP = 'see docs/operating.md#set-up-prometheus-and-alerts';

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { alert: string; expr: string }[] }[];
}

/** Prometheus prints expressions in its own way; letters, digits and operators stay. */
function comparable(expression: string): string {
  return expression.replaceAll(/#[^\n]*/g, '').replaceAll(/[\s"'()]/g, '');
}

function ofRules(rules: readonly Rule[], page: string): Finding[] {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as RuleFile;
  const wanted = groups.flatMap((group) => group.rules);
  const loaded = new Map(rules.map((rule) => [rule.name, rule]));
  const missing = wanted.filter(({ alert }) => !loaded.has(alert)).map(({ alert }) => alert);
  const other = wanted.filter(({ alert, expr }) => {
    const rule = loaded.get(alert);
    return rule !== undefined && comparable(rule.query) !== comparable(expr);
  });
  const failing = rules.filter(({ health }) => health === 'err').map(({ name }) => name);
  const firing = rules.filter(({ state }) => state === 'firing').map(({ name }) => name);
  return [
    ...(missing.length > 0
      ? [no(`Prometheus has no rule ${few(missing)}: copy ops/alerts/flashsale.rules.yml`, page)]
      : []),
    ...(other.length > 0
      ? [no(`not as in this release: ${few(other.map(({ alert }) => alert))}`, page)]
      : []),
    ...(failing.length > 0 ? [no(`Prometheus cannot evaluate ${few(failing)}`, page)] : []),
    ...firing.map((name) => no(`${name} fires`, `see docs/runbook.md#${name.toLowerCase()}`)),
  ];
}

function ofTargets(targets: readonly Target[], page: string): Finding[] {
  const down = targets.filter(({ health }) => health !== 'up');
  return down.map(({ labels, lastError }) => {
    const target = `${labels['job']} at ${labels['instance']}`;
    return no(`Prometheus does not read ${target}: ${lastError || 'not yet'}`, page);
  });
}

interface Route {
  readonly receiver?: string;
  readonly routes?: readonly Route[];
}

interface Configuration {
  readonly route?: Route;
  readonly receivers?: readonly Readonly<Record<string, unknown>>[];
}

/** The receivers to which a route may lead. */
const reached = ({ receiver = '', routes = [] }: Route): readonly string[] => [
  receiver,
  ...routes.flatMap(reached),
];

/** Whether any receiver that alerts may reach has a way to tell somebody. */
function tellsSomebody(text: string): boolean {
  const { route = {}, receivers = [] } = (parse(text) ?? {}) as Configuration;
  const names = reached(route);
  const used = receivers.filter(({ name }) => names.includes(String(name)));
  return used.some((receiver) =>
    Object.entries(receiver).some(([key, value]) => {
      return key.endsWith('_configs') && Array.isArray(value) && value.length > 0;
    }),
  );
}

async function ofAlertmanager(url: string, options: Sources['options']): Promise<Finding[]> {
  const { configuration, silences } = await alertmanagerState(url, options.timeoutMs);
  const isTold = options.isDemo || tellsSomebody(configuration);
  return [
    ...(isTold
      ? []
      : [
          no(
            'Alertmanager tells nobody: no receiver that a route leads to has a way to wake one',
            SET_UP,
          ),
        ]),
    ...silences.map(({ id, comment }) =>
      no(`alerts are silenced: ${comment || 'without a comment'}`, `amtool silence expire ${id}`),
    ),
  ];
}

async function look(sources: Sources): Promise<readonly Finding[]> {
  const { prometheus } = sources;
  const { PROMETHEUS_URL = '', ALERTMANAGER_URL } = sources.addresses.env;
  if (prometheus === undefined) {
    throw new NotKnown('PROMETHEUS_URL is not set', 'PROMETHEUS_URL=http://… flashsale doctor');
  }
  const [rules, targets, alertmanagers] = await Promise.all([
    prometheus.rules(),
    prometheus.targets(),
    prometheus.alertmanagers(),
  ]);
  const told = ALERTMANAGER_URL === undefined ? alertmanagers : [ALERTMANAGER_URL];
  const answers = await Promise.all(
    told.map((url) =>
      ofAlertmanager(url, sources.options).catch((error: Error) => [
        notKnown(`Alertmanager: ${error.message}`, 'ALERTMANAGER_URL=http://… flashsale doctor'),
      ]),
    ),
  );
  const problems = [
    ...ofRules(rules, PAGE(PROMETHEUS_URL, 'rules')),
    ...ofTargets(targets, PAGE(PROMETHEUS_URL, 'targets')),
    ...(alertmanagers.length === 0
      ? [no('Prometheus tells no Alertmanager', PAGE(PROMETHEUS_URL, 'status'))]
      : []),
    ...answers.flat(),
  ];
  const well = `${count(rules.length, 'rule')}, none fires; ${count(targets.length, 'target')} read; ${count(told.length, 'Alertmanager')} told`;
  return unless(problems, ok(well, PAGE(PROMETHEUS_URL, 'alerts')));
}

export const alerts: Check = {
  name: 'alerts',
  about: 'rules, targets and silences, and whether Alertmanager wakes somebody (PROMETHEUS_URL)',
  look,
};
