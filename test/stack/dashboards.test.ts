import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rendered } from '../../ops/dashboards/render.ts';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { files, textOf } from '../house/files.ts';

/** The dashboards: complete, and of expressions that Prometheus accepts. */

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

const FOLDER = 'ops/dashboards/';
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const dashboards = [...rendered()].map(
  ([file, json]) => [file, JSON.parse(json) as Dashboard] as const,
);
const panelsOf = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== 'row');

beforeAll(() =>
  ensurePackages(
    ['prometheus'],
    { path: process.env['PATH'] ?? '', root: '/' },
    createProgress(() => {}),
  ),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the files of the dashboards are what their descriptions say (npm run dashboards)', () => {
  const there = files.filter((file) => file.startsWith(FOLDER) && file.endsWith('.json'));
  expect(there.map((file) => file.slice(FOLDER.length)).toSorted()).toEqual(
    [...rendered().keys()].toSorted(),
  );
  for (const [file, json] of rendered()) expect(textOf(`${FOLDER}${file}`)).toBe(json);
});

it('dashboards have different ids and titles', () => {
  expect(new Set(dashboards.map(([, { uid }]) => uid)).size).toBe(dashboards.length);
  expect(new Set(dashboards.map(([, { title }]) => title)).size).toBe(dashboards.length);
});

describe.each(dashboards)('%s', (_file, dashboard) => {
  it('has a title, a unit, a description and named lines in each panel', () => {
    const panels = panelsOf(dashboard);
    expect(panels.length).toBeGreaterThan(8);
    expect(dashboard.description).toMatch(/\w\.$/);
    for (const panel of panels) {
      expect(panel.title).toMatch(/^[A-Z]/);
      expect([panel.title, panel.description]).toEqual([
        panel.title,
        expect.stringMatching(/.{15}\.$/),
      ]);
      expect([panel.title, panel.fieldConfig?.defaults.unit]).toEqual([
        panel.title,
        expect.stringMatching(/^(reqps|ops|s|short|bytes|Bps|percentunit)$/),
      ]);
      expect(panel.datasource?.uid).toBe('$datasource');
      expect(panel.targets?.length).toBeGreaterThan(0);
      for (const { legendFormat } of panel.targets ?? []) expect(legendFormat).not.toBe('');
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it('shows no two panels at the same place, and none beyond the edge', () => {
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect([title, x + w]).toEqual([title, Math.min(x + w, 24)]);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect([title, taken.has(`${column} ${row}`)]).toEqual([title, false]);
          taken.add(`${column} ${row}`);
        }
      }
    }
  });

  it('uses only the variables that it has', () => {
    const { list } = dashboard.templating;
    const used: string[] = JSON.stringify(dashboard.panels).match(/\$(\w+)/g) ?? [];
    const known = list.map(({ name }) => `$${name}`);
    expect([...new Set(used)].filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !used.includes(name))).toEqual([]);
  });
});

it('Prometheus accepts every expression', async () => {
  const rules = dashboards.flatMap(([file, dashboard]) =>
    panelsOf(dashboard).flatMap(({ title, targets = [] }) =>
      targets.map(({ expr, legendFormat }) => ({
        record: 'dashboard:expression',
        expr,
        labels: { file, title, legend: legendFormat.replaceAll(/[{}]/g, '') },
      })),
    ),
  );
  expect(rules.length).toBeGreaterThan(80);
  const check = (checked: readonly object[]) => {
    const file = join(folder, 'dashboards.yml');
    // JSON is valid YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboards', rules: checked }] }));
    return promisify(execFile)('promtool', ['check', 'rules', file]);
  };
  const { stdout } = await check(rules);
  expect(stdout).toContain(`${rules.length} rules found`);
  const wrong = { record: 'dashboard:expression', expr: 'sum by (sku' };
  await expect(check([...rules, wrong])).rejects.toThrow('could not parse expression');
});
