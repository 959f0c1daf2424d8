import { writeFileSync } from 'node:fs';
import { chartsBeside } from '../bench/chart.ts';
import { growthOf, type Kind, type Use } from './uses.ts';

/** The report of a soak: how much more each part uses at the end, and charts. */

const KINDS: readonly Kind[] = ['memory, MB', 'descriptors', 'files, MB', 'dead rows'];
const MARKS = 4;

function marksOf(uses: readonly Use[]): number[] {
  const most = Math.max(...uses.map(({ points }) => points.at(-1)?.[0] ?? 0));
  return Array.from({ length: MARKS + 1 }, (_, at) => Math.round((at * most) / MARKS));
}

/** A run of less than a minute may have no sample in a quarter. */
const shown = (value: number) => (Number.isNaN(value) ? 'no sample' : value.toFixed(0));

export function growthText(uses: readonly Use[]): string {
  const rows = growthOf(uses).map(({ kind, name, early, late }) => {
    const growth = late / early - 1;
    const more = Number.isFinite(growth) ? `${(growth * 100).toFixed(0)} %` : '';
    return [kind, name, shown(early), shown(late), more];
  });
  const table = [['', '', 'second quarter', 'last quarter', 'growth'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((at) =>
    Math.max(...table.map((row) => (row[at] ?? '').length)),
  );
  return table
    .map((row) =>
      row
        .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

export function drawUses(file: string, title: string, uses: readonly Use[]): void {
  const marks = marksOf(uses);
  const charts = KINDS.map((kind) => {
    const curves = uses
      .filter((use) => use.kind === kind)
      .map(({ name, points }) => ({ title: name, points, look: 'line' as const }));
    return [curves, { title: kind, xTitle: 'minutes', marks, xIsLinear: true }] as const;
  });
  writeFileSync(file, chartsBeside(title, charts));
}
