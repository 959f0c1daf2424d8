/** Charts of the report as inline SVG. They need no script, and print as they look. */

const WIDTH = 720;
const BAR_HEIGHT = 120;
/** Room above the columns for the largest count. */
const HEAD_HEIGHT = 18;

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
  return `<svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${WIDTH} ${foot + 22}">
${columns.join('')}
<line class="axis" x1="0" x2="${WIDTH}" y1="${foot}" y2="${foot}"/>
<text x="0" y="${foot + 16}">${escaped(ends[0])}</text>
<text x="${WIDTH}" y="${foot + 16}" text-anchor="end">${escaped(ends[1])}</text>
<text x="0" y="12">${top} at most in one ${counts.length}th of the time</text>
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
