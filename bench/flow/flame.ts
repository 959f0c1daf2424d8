import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { escaped } from '../../ops/html/charts.ts';
import { PROJECT_ROOT } from '../../ops/stack/folder.ts';
import type { ByProcess } from './meter.ts';

/**
 * The budget of one order as a flame graph (Brendan Gregg, "The Flame Graph", CACM 59, 2016): CPU µs an order from left to
 * right, who calls whom from top to bottom. How much each process used comes from the system; how a process of Node divides it,
 * from the CPU profiles that it wrote. V8 samples time and not CPU, so within a process the picture shows shares.
 */

/** Microseconds of CLOCK_MONOTONIC, as in CPU profiles. */
export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

export const monotonicUs = () => Number(process.hrtime.bigint() / 1_000n);

type Kind = 'process' | 'ours' | 'library' | 'node' | 'native';

export interface Frame {
  readonly name: string;
  readonly kind: Kind;
  us: number;
  readonly children: Map<string, Frame>;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const frame = (name: string, kind: Kind): Frame => ({ name, kind, us: 0, children: new Map() });

function childOf(parent: Frame, name: string, kind: Kind): Frame {
  const known = parent.children.get(name);
  if (known !== undefined) return known;
  const child = frame(name, kind);
  parent.children.set(name, child);
  return child;
}

function nameOf({ functionName, url }: ProfileNode['callFrame']): readonly [string, Kind] {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url.startsWith('node:')) return [`${name} ${url}`, 'node'];
  const [, library] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (library !== undefined) return [`${name} ${library}`, 'library'];
  if (!url.startsWith('file:')) return [name, 'native'];
  return [`${name} ${relative(PROJECT_ROOT, new URL(url).pathname)}`, 'ours'];
}

/** The frames of one sample, the outermost first. Of frames of Node that call each other, only the first is kept. */
function stackOf(
  node: ProfileNode,
  parents: ReadonlyMap<number, ProfileNode>,
): (readonly [string, Kind])[] {
  const stack: (readonly [string, Kind])[] = [];
  for (let at: ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id)) {
    stack.push(nameOf(at.callFrame));
  }
  // The outermost one is V8's own root.
  stack.pop();
  stack.reverse();
  return stack.filter(([, kind], at) => kind !== 'node' || stack[at - 1]?.[1] !== 'node');
}

/** Adds the samples within the spans to the frame of the process, in µs of time in which it was not idle. */
function addProfile(into: Frame, profile: CpuProfile, spans: readonly Span[]): void {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  let atUs = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const us = profile.timeDeltas[index] ?? 0;
    atUs += us;
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') continue;
    if (!spans.some(({ fromUs, toUs }) => atUs >= fromUs && atUs <= toUs)) continue;
    into.us += us;
    let parent = into;
    for (const [name, kind] of stackOf(node, parents)) {
      parent = childOf(parent, name, kind);
      parent.us += us;
    }
  }
}

function scale(one: Frame, factor: number): void {
  one.us *= factor;
  for (const child of one.children.values()) scale(child, factor);
}

/** `web-1` and `web-2` are one part. */
const partOf = (processName: string) => processName.replace(/-.*$/, '');

/**
 * @param folder of the profiles, whose names have the pid of their process
 * @param spans the rounds; what a process did before and after is left out
 */
export function budgetOf(
  cpuUs: ByProcess,
  pids: ReadonlyMap<string, number>,
  folder: string,
  spans: readonly Span[],
): Frame {
  const root = frame('one order', 'process');
  for (const [name, us] of Object.entries(cpuUs)) {
    const pid = pids.get(name);
    const part = childOf(root, partOf(name), 'process');
    const measured = frame(name, 'process');
    for (const file of readdirSync(folder)) {
      if (!file.split('.').includes(String(pid))) continue;
      addProfile(measured, JSON.parse(readFileSync(join(folder, file), 'utf8')), spans);
    }
    if (measured.us > 0) scale(measured, us / measured.us);
    part.us += us;
    merge(part, measured);
    root.us += us;
  }
  return root;
}

function merge(into: Frame, from: Frame): void {
  for (const child of from.children.values()) {
    const same = childOf(into, child.name, child.kind);
    same.us += child.us;
    merge(same, child);
  }
}

const WIDTH = 1_200;
const ROW = 17;
const LETTER = 6.1;
/** Narrower frames are left out. */
const LEAST_PX = 2;
const COLOURS: Readonly<Record<Kind, string>> = {
  process: '#cbd5e1',
  ours: '#93c5fd',
  library: '#fcd34d',
  node: '#bbf7d0',
  native: '#fbcfe8',
};

export function drawFlame(root: Frame, title: string): string {
  const rows: string[] = [];
  let deepest = 0;
  const draw = (one: Frame, x: number, depth: number): void => {
    const width = (one.us / root.us) * WIDTH;
    if (width < LEAST_PX) return;
    deepest = Math.max(deepest, depth);
    const y = (depth + 2) * ROW;
    const share = `${one.us.toFixed(1)} µs, ${((one.us / root.us) * 100).toFixed(1)} %`;
    const shown = `${one.name} ${depth < 2 ? `${one.us.toFixed(1)} µs` : ''}`.trim();
    const fits = Math.floor((width - 4) / LETTER);
    const text = fits < 4 ? '' : shown.length <= fits ? shown : `${shown.slice(0, fits - 1)}…`;
    rows.push(
      `<g><title>${escaped(one.name)}: ${share}</title>` +
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${COLOURS[one.kind]}"/>` +
        (text === ''
          ? ''
          : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(text)}</text>`) +
        '</g>',
    );
    let childX = x;
    for (const child of [...one.children.values()].toSorted((a, b) => b.us - a.us)) {
      draw(child, childX, depth + 1);
      childX += (child.us / root.us) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const legend = Object.entries({
    ours: 'this project',
    library: 'libraries',
    node: 'Node',
    native: 'native code, garbage',
  })
    .map(
      ([kind, text], at) =>
        `<rect x="${700 + at * 120}" y="6" width="10" height="10" fill="${COLOURS[kind as Kind]}"/>` +
        `<text x="${714 + at * 120}" y="15" class="page">${text}</text>`,
    )
    .join('');
  const height = (deepest + 3) * ROW;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="ui-monospace, monospace" font-size="10">
<title>${escaped(title)}</title>
<style>text { fill: #0f172a } .page { fill: #475569 } @media (prefers-color-scheme: dark) { .page { fill: #cbd5e1 } }</style>
<text x="2" y="15" class="page" font-size="12">${escaped(title)}</text>${legend}
${rows.join('\n')}
</svg>
`;
}
