import type { Curve } from './parts.ts';

/** Two charts in one SVG, readable on light and dark pages. Written as text, without a library. */

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = { left: 64, right: 16, top: 36, bottom: 44 };
const COLOURS = ['#2563eb', '#d97706'];

/** The distance of the axis marks: 1, 2 or 5 times a power of ten, about four steps up to `most`. */
function step(most: number): number {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1) * power;
}

function chart(curves: readonly Curve[], title: string, xTitle: string, left: number): string {
  const all = curves.flatMap(({ points }) => points);
  const most = Math.max(1, ...all.map(([, rate]) => rate));
  const xMost = Math.max(2, ...all.map(([x]) => x));
  const inner = {
    width: WIDTH - MARGIN.left - MARGIN.right,
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  const x = (value: number) =>
    left + MARGIN.left + (Math.log2(value) / Math.log2(xMost)) * inner.width;
  const y = (rate: number) => MARGIN.top + inner.height * (1 - rate / most);
  const parts = [
    `<text x="${left + WIDTH / 2}" y="18" text-anchor="middle" font-weight="bold">${title}</text>`,
  ];
  const by = step(most);
  for (let rate = 0; rate <= most; rate += by) {
    const at = y(rate).toFixed(1);
    parts.push(
      `<line x1="${left + MARGIN.left}" x2="${left + WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#8884"/>`,
      `<text x="${left + MARGIN.left - 6}" y="${at}" dy="4" text-anchor="end">${rate.toLocaleString('en')}</text>`,
    );
  }
  for (const [value] of curves[0]?.points ?? []) {
    const at = x(value).toFixed(1);
    parts.push(
      `<text x="${at}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${value}</text>`,
    );
  }
  parts.push(
    `<text x="${left + WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">${xTitle}</text>`,
  );
  for (const [index, curve] of curves.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const line = curve.points.map(([at, rate]) => `${x(at).toFixed(1)},${y(rate).toFixed(1)}`);
    parts.push(
      `<polyline points="${line.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    );
    for (const point of line) {
      const [cx, cy] = point.split(',');
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`);
    }
    const legendY = MARGIN.top + 8 + index * 16;
    parts.push(
      `<text x="${left + MARGIN.left + 10}" y="${legendY}" fill="${colour}">${curve.title}</text>`,
    );
  }
  return parts.join('\n');
}

export function plot(curves: { batch: readonly Curve[]; slots: readonly Curve[] }): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH * 2} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#777">
<title>Committed orders per second over batch size and over slots</title>
${chart(curves.batch, 'orders/s by batch size (4 clients)', 'requests per call', 0)}
${chart(curves.slots, 'orders/s by slots (one order per call, 32 clients)', 'slots', WIDTH)}
</svg>
`;
}
