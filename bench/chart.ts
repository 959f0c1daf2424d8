/** Charts in SVG, readable on light and dark pages. Written as text, without a library. */

export interface Curve {
  readonly title: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** The least and the most of each point. */
  readonly ranges?: readonly (readonly [least: number, most: number])[];
  /** `measured`: a line and filled points. `modelled`: a dashed line and hollow points. `line`: no points. */
  readonly look?: 'measured' | 'modelled' | 'line';
  /** Index of the colour. Without it, each curve has its own. */
  readonly colour?: number;
}

export interface Axes {
  readonly title: string;
  readonly xTitle: string;
  /** The values of x that have a mark, on a logarithmic axis, or on a linear one from 0. */
  readonly marks: readonly number[];
  readonly xIsLinear?: boolean;
  /** The values of y that have a line, on a logarithmic axis. Without it, y is linear. */
  readonly decades?: readonly number[];
}

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = { left: 64, right: 16, top: 36, bottom: 44 };
const COLOURS = ['#2563eb', '#d97706', '#16a34a', '#db2777', '#7c3aed', '#0891b2'];

/** The distance of the axis marks: 1, 2 or 5 times a power of ten, about four steps up to `most`. */
function step(most: number): number {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1) * power;
}

type Scale = (value: number) => number;

function linesOf(curve: Curve, colour: string, x: Scale, y: Scale): string[] {
  const { points, ranges = [], look = 'measured' } = curve;
  const at = points.map(([one, other]) => [x(one).toFixed(1), y(other).toFixed(1)] as const);
  const dash = look === 'modelled' ? ' stroke-dasharray="5 4"' : '';
  const width = look === 'line' ? 1 : 2;
  return [
    `<polyline points="${at.map((pair) => pair.join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="${width}"${dash}/>`,
    ...ranges.map(([least, most], index) => {
      const cx = at[index]?.[0];
      return `<line x1="${cx}" x2="${cx}" y1="${y(least).toFixed(1)}" y2="${y(most).toFixed(1)}" stroke="${colour}" stroke-width="5" stroke-opacity="0.4"/>`;
    }),
    ...(look === 'line'
      ? []
      : at.map(([cx, cy]) =>
          look === 'measured'
            ? `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`
            : `<circle cx="${cx}" cy="${cy}" r="4" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
        )),
  ];
}

function chart(curves: readonly Curve[], axes: Axes, left: number): string {
  const { title, xTitle, marks, decades } = axes;
  const all = curves.flatMap(({ points }) => points);
  const most = Math.max(1, ...(decades ?? all.map(([, rate]) => rate)));
  const least = Math.min(...(decades ?? [0]));
  const xMost = Math.max(2, ...all.map(([at]) => at));
  const inner = {
    width: WIDTH - MARGIN.left - MARGIN.right,
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  const xShare: Scale = axes.xIsLinear
    ? (value) => value / xMost
    : (value) => Math.log2(value) / Math.log2(xMost);
  const x: Scale = (value) => left + MARGIN.left + xShare(value) * inner.width;
  const share: Scale =
    decades === undefined
      ? (value) => value / most
      : (value) => Math.log(value / least) / Math.log(most / least);
  const y: Scale = (value) => MARGIN.top + inner.height * (1 - share(value));
  const parts = [
    `<text x="${left + WIDTH / 2}" y="18" text-anchor="middle" font-weight="bold">${title}</text>`,
  ];
  const by = step(most);
  const levels = decades ?? Array.from({ length: Math.floor(most / by) + 1 }, (_, n) => n * by);
  for (const level of levels) {
    const at = y(level).toFixed(1);
    parts.push(
      `<line x1="${left + MARGIN.left}" x2="${left + WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#8884"/>`,
      `<text x="${left + MARGIN.left - 6}" y="${at}" dy="4" text-anchor="end">${level < 1e6 ? level.toLocaleString('en') : `${level / 1e6} M`}</text>`,
    );
  }
  for (const value of marks) {
    const at = x(value).toFixed(1);
    parts.push(
      `<text x="${at}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${value}</text>`,
    );
  }
  parts.push(
    `<text x="${left + WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">${xTitle}</text>`,
  );
  for (const [index, curve] of curves.entries()) {
    const colour = COLOURS[(curve.colour ?? index) % COLOURS.length] ?? '';
    parts.push(...linesOf(curve, colour, x, y));
  }
  const titled = curves.map((curve, index) => ({ ...curve, colour: curve.colour ?? index }));
  for (const [index, { title: name, colour }] of titled.filter((one) => one.title).entries()) {
    const legendY = MARGIN.top + 8 + index * 16;
    parts.push(
      `<text x="${left + MARGIN.left + 10}" y="${legendY}" fill="${COLOURS[colour % COLOURS.length]}">${name}</text>`,
    );
  }
  return parts.join('\n');
}

/** Charts beside each other. */
export function chartsBeside(
  title: string,
  charts: readonly (readonly [readonly Curve[], Axes])[],
): string {
  const drawn = charts.map(([curves, axes], index) => chart(curves, axes, index * WIDTH));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH * charts.length} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#777">
<title>${title}</title>
${drawn.join('\n')}
</svg>
`;
}
