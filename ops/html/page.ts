import { escaped } from './charts.ts';

/** Reports as one HTML file that loads nothing: no script, no picture, no font. */

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 2rem auto; max-width: 46rem; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ccd }
h3 { font-size: 1rem } table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #e6e8ec; vertical-align: top; overflow-wrap: anywhere }
th { font-weight: 600 } th { white-space: nowrap } .n { text-align: right } td.n { font-variant-numeric: tabular-nums; white-space: nowrap }
svg { width: 100%; height: auto } svg text { font-size: 12px; fill: #444c56 } .axis { stroke: #8892a0 }
.a { fill: #2456a6; background: #2456a6 } .b { fill: #c46a12; background: #c46a12 }
.c { fill: #9aa4b2; background: #9aa4b2 } code { overflow-wrap: anywhere }
svg path.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round } .grid { stroke: #e0e3e8 }
.line.a { stroke: #2456a6 } .line.b { stroke: #c46a12 } .line.c { stroke: #6b7686 }
.scroll { overflow-x: auto } .scroll td:first-child { min-width: 6.5rem }
.legend { list-style: none; padding: 0; margin: .2rem 0 } .legend li { display: inline-block; margin-right: 1.2rem }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em }
.good { color: #17663a } .bad { color: #a11b1b; font-weight: 600 }
@media (max-width: 34rem) { body { margin: 1rem auto } svg text { font-size: 22px } table { font-size: 13px } th, td { padding-right: .35rem } }
@media print { body { margin: 0; max-width: none; font-size: 11px } h2, h3 { break-after: avoid } tr, svg { break-inside: avoid }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact } }`;

export type Cell = string | number;

/** Numbers stand on the right. */
function cell(value: Cell): string {
  return typeof value === 'number'
    ? `<td class="n">${value.toLocaleString('en-US')}</td>`
    : `<td>${escaped(value)}</td>`;
}

export function rows(headings: readonly string[], lines: readonly (readonly Cell[])[]): string {
  if (lines.length === 0) return '<p>None.</p>';
  const isNumber = (at: number) => typeof lines[0]?.[at] === 'number';
  const head = headings
    .map((heading, at) => `<th${isNumber(at) ? ' class="n"' : ''}>${escaped(heading)}</th>`)
    .join('');
  const body = lines.map((line) => `<tr>${line.map(cell).join('')}</tr>`).join('\n');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

export function section(title: string, ...parts: string[]): string {
  return `<section>\n<h2>${escaped(title)}</h2>\n${parts.join('\n')}\n</section>`;
}

/** @param body HTML */
export function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
