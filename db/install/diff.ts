/** Differences of two texts by lines, in the format of `diff -u`. Pure. */

const CONTEXT_LINES = 3;

type Line = readonly [sign: ' ' | '-' | '+', text: string];

/** Compares by the longest common subsequence of lines, found by dynamic programming. */
function compareLines(before: readonly string[], after: readonly string[]): Line[] {
  // common[i][j]: length of the longest common subsequence from before[i] and after[j] on.
  const common = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const row = common[i];
    for (let j = after.length - 1; row && j >= 0; j -= 1) {
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push([' ', before[i] ?? '']);
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(['-', before[i] ?? '']);
      i += 1;
    } else {
      lines.push(['+', after[j] ?? '']);
      j += 1;
    }
  }
  return lines;
}

/** Ranges of lines to show: changes with their context. Overlapping ranges are merged. */
function hunks(lines: readonly Line[]): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (const [index, [sign]] of lines.entries()) {
    if (sign === ' ') continue;
    const from = Math.max(0, index - CONTEXT_LINES);
    const to = Math.min(lines.length, index + CONTEXT_LINES + 1);
    const last = ranges.at(-1);
    if (last && from <= last[1]) last[1] = to;
    else ranges.push([from, to]);
  }
  return ranges;
}

/** Returns a unified diff with three lines of context; empty if both texts are the same. */
export function unifiedDiff(
  before: string,
  after: string,
  beforeName: string,
  afterName: string,
): string {
  if (before === after) return '';
  const lines = compareLines(before.split('\n'), after.split('\n'));
  const shown = [`--- ${beforeName}`, `+++ ${afterName}`];
  for (const [from, to] of hunks(lines)) {
    const count = (part: readonly Line[], without: string) =>
      part.filter(([sign]) => sign !== without).length;
    const earlier = lines.slice(0, from);
    const part = lines.slice(from, to);
    const old = `${count(earlier, '+') + 1},${count(part, '+')}`;
    const now = `${count(earlier, '-') + 1},${count(part, '-')}`;
    shown.push(`@@ -${old} +${now} @@`, ...part.map(([sign, text]) => sign + text));
  }
  return `${shown.join('\n')}\n`;
}
