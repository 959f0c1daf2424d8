/** Charts of reports as inline SVG. They need no script, and print as they look. */

const WIDTH = 720;
const BAR_HEIGHT = 120;
/** Room above the columns for the largest count, in the letters of a phone. */
const HEAD_HEIGHT = 26;

export function escaped(text: unknown): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return String(text).replaceAll(/[&<>"]/g, (character) => entities[character] ?? '');
}

/** Columns over time. `label` says what a column counts, for people who cannot see it. */
export function columnChart(
  counts: readonly number[],
  label: string,
  ends: [string, string],
): string {
  const top = Math.max(1, ...counts);
  const step = WIDTH / counts.length;
  const foot = HEAD_HEIGHT + BAR_HEIGHT;
  const columns = counts.map((count, at) => {
    const height = (count / top) * BAR_HEIGHT;
    const place = `x="${(at * step).toFixed(1)}" y="${(HEAD_HEIGHT + BAR_HEIGHT - height).toFixed(1)}"`;
    const size = `width="${(step - 1).toFixed(1)}" height="${height.toFixed(1)}"`;
    return `<rect class="a" ${place} ${size}><title>${count}</title></rect>`;
  });
  return `<svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${WIDTH} ${foot + 28}">
${columns.join('')}
<line class="axis" x1="0" x2="${WIDTH}" y1="${foot}" y2="${foot}"/>
<text x="0" y="${foot + 22}">${escaped(ends[0])}</text>
<text x="${WIDTH}" y="${foot + 22}" text-anchor="end">${escaped(ends[1])}</text>
<text x="0" y="20">${top} at most in one ${counts.length}th of the time</text>
</svg>`;
}

export interface Part {
  readonly name: string;
  readonly units: number;
  /** Class of its colour: a, b, c or d. */
  readonly color: string;
}

/** One bar that is divided into parts, with a legend. */
export function shareBar(parts: readonly Part[], label: string): string {
  const whole = Math.max(
    1,
    parts.reduce((all, { units }) => all + units, 0),
  );
  let at = 0;
  const pieces = parts.map(({ name, units, color }) => {
    const width = (units / whole) * WIDTH;
    const piece = `<rect class="${color}" x="${at.toFixed(1)}" y="0" width="${width.toFixed(1)}" height="24"><title>${escaped(name)}: ${units}</title></rect>`;
    at += width;
    return piece;
  });
  const legend = parts
    .map(({ name, units, color }) => `<li><i class="${color}"></i>${escaped(name)}: ${units}</li>`)
    .join('');
  return `<svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${WIDTH} 24">${pieces.join('')}</svg>
<ul class="legend">${legend}</ul>`;
}

export interface Line {
  readonly name: string;
  /** Undefined where there is nothing to show. */
  readonly values: readonly (number | undefined)[];
  /** Class of its colour: a, b or c. */
  readonly color: string;
}

export interface LineChart {
  /** What the lines show, for people who cannot see them. */
  readonly label: string;
  readonly lines: readonly Line[];
  readonly ends: readonly [string, string];
  readonly text: (value: number) => string;
  /** Times differ by factors, not by steps. */
  readonly isLogarithmic?: boolean;
}

const LINE_HEIGHT = 200;
const LINE_FOOT = 30;

/** 1, 2 or 5 times a power of ten, so that there are three or four steps up to `most`. */
function stepOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 3));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => most / one <= 4) ?? power * 10;
}

function decades(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least));
  const last = Math.max(first + 1, Math.ceil(Math.log10(most)));
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

/** Lines over time, with a legend. */
export function lineChart({ label, lines, ends, text, isLogarithmic }: LineChart): string {
  const known = lines.flatMap(({ values }) => values.filter((one) => one !== undefined));
  const positive = known.filter((one) => one > 0);
  if (positive.length === 0) return '<p>Nothing to show.</p>';
  const most = Math.max(...positive);
  const step = stepOf(most);
  const marks = isLogarithmic
    ? decades(Math.min(...positive), most)
    : Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
  const [low = 0, high = 1] = [marks[0], marks.at(-1)];
  const share = (value: number) =>
    isLogarithmic
      ? Math.log(Math.max(low, value) / low) / Math.log(high / low)
      : (value - low) / (high - low);
  const y = (value: number) => (HEAD_HEIGHT + LINE_HEIGHT * (1 - share(value))).toFixed(1);
  const axes = marks.map((mark) => {
    const at = y(mark);
    return `<line class="grid" x1="0" x2="${WIDTH}" y1="${at}" y2="${at}"/><text x="2" y="${at}" dy="-3">${escaped(text(mark))}</text>`;
  });
  const longest = Math.max(2, ...lines.map(({ values }) => values.length));
  const x = (at: number) => ((at / (longest - 1)) * WIDTH).toFixed(1);
  const drawn = lines.map(({ values, color }) => {
    const path = values.map((value, at) => {
      if (value === undefined) return '';
      const isStart = at === 0 || values[at - 1] === undefined;
      // A single point is a line of no length, which its round end makes visible.
      const isAlone = isStart && values[at + 1] === undefined;
      return `${isStart ? 'M' : 'L'}${x(at)} ${y(value)}${isAlone ? 'h0' : ''}`;
    });
    return `<path class="line ${color}" d="${path.join('')}"/>`;
  });
  const foot = HEAD_HEIGHT + LINE_HEIGHT + LINE_FOOT - 6;
  const legend = lines
    .map(({ name, color }) => `<li><i class="${color}"></i>${escaped(name)}</li>`)
    .join('');
  return `<svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${WIDTH} ${HEAD_HEIGHT + LINE_HEIGHT + LINE_FOOT}">
${axes.join('')}${drawn.join('')}
<text x="2" y="${foot}">${escaped(ends[0])}</text><text x="${WIDTH - 2}" y="${foot}" text-anchor="end">${escaped(ends[1])}</text>
</svg>
<ul class="legend">${legend}</ul>`;
}
