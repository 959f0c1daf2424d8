import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { files, textOf } from './files.ts';

/** The rules, their sections in the runbook, their tests and the faults of the test are in step. */

interface Rule {
  readonly alert: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const RUNBOOK = 'docs/runbook.md';
/** Needs a cluster. test/broker/cluster.test.ts has one, and promtool has the rule. */
const WITHOUT_FAULT = ['FlashsaleQueueFewMembers'];
const FOR_MAX_S = 10;

const read = (file: string) => parse(textOf(file));
const rules: Rule[] = read('ops/alerts/flashsale.rules.yml').groups.flatMap(
  ({ rules: own }: { rules: Rule[] }) => own,
);
const names = rules.map(({ alert }) => alert).sort();

test('each alert has a section in the runbook, and each section an alert', () => {
  const sections = [...textOf(RUNBOOK).matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name);
  expect(sections.sort()).toEqual(names);
  for (const { alert, annotations } of rules) {
    // As GitHub makes the anchor of a heading.
    expect(annotations['runbook']).toBe(`${RUNBOOK}#${alert.toLowerCase()}`);
    expect(annotations['summary'], alert).toBeTruthy();
  }
});

test('each section says what to do', () => {
  const parts = textOf(RUNBOOK).split(/^#{2,3} .*$/m);
  const saying = parts.filter((part) => part.includes('**Do:**'));
  expect(saying).toHaveLength(names.length);
});

test('each alert has a test, and its fault is really made', () => {
  const tested = read('ops/alerts/flashsale.tests.yml').tests.map(
    ({ name }: { name: string }) => name,
  );
  expect(tested.sort()).toEqual(names);
  const made = files
    .filter((file) => /^test\/system\/alerts\/.*\.ts$/.test(file))
    .flatMap((file) => [...textOf(file).matchAll(/alert: '(\w+)'/g)].map(([, name = '']) => name));
  expect([...new Set([...made, ...WITHOUT_FAULT])].sort()).toEqual(names);
});

test('no alert waits so long that it cannot fire within 30 s', () => {
  for (const { alert, for: wait = '0s', labels } of rules) {
    expect(Number.parseInt(wait, 10), alert).toBeLessThanOrEqual(FOR_MAX_S);
    expect(wait, alert).toMatch(/^\d+s$/);
    expect(['critical', 'warning', 'info'], alert).toContain(labels['severity']);
  }
});
