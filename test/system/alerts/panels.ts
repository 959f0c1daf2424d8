import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../ops/stack/folder.ts';
import type { Alerts } from './watch.ts';

/** The panels of the dashboards, asked of the Prometheus that watched a shop through all its faults. */

/** Lines without data in that shop. */
export const EMPTY: readonly string[] = [
  // No callback is ignored.
  'business.json: Stray payments, ignored and forged callbacks: ignored: no data',
  // All homes are on one server.
  'database.json: Transfers between servers: {{schema}}: no data',
  // One broker, whose management API the workers do not know.
  'queue.json: Members of the queues: {{queue}} online: no data',
  'queue.json: Members of the queues: nodes of the cluster: no data',
];

/** Longer than the faults take, in steps that miss none: some lines are there for seconds only. */
const BEFORE = '15m:2s';
const FOLDER = join(PROJECT_ROOT, 'ops/dashboards');

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export interface Line {
  readonly name: string;
  readonly expr: string;
  readonly labels: readonly string[];
}

/** Each line of each panel. */
export function linesOfPanels(): Line[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const { panels } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as {
        panels: Panel[];
      };
      return panels.flatMap(({ title, targets = [] }) =>
        targets.map(({ expr, legendFormat }) => ({
          name: `${file}: ${title}: ${legendFormat}`,
          expr: expr.replaceAll('$sku', '.*'),
          labels: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        })),
      );
    });
}

/** What the line had at any time: nothing, or the labels that its name lacks. */
export async function lackOf({ expr, labels }: Line, alerts: Alerts): Promise<string | undefined> {
  const found = await alerts.query(`last_over_time((${expr})[${BEFORE}])`);
  if (found.length === 0) return 'no data';
  const missing = labels.filter((label) => found.some((each) => !(label in each)));
  return missing.length > 0 ? `without ${missing}` : undefined;
}
