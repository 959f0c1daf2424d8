import type { Finding, Outcome } from './check.ts';
import type { Diagnosis } from './run.ts';

/** The diagnosis as text. */

const MARKS: Readonly<Record<Outcome, string>> = { ok: 'ok', no: 'NO', 'not known': '?' };
const COLORS: Readonly<Record<Outcome, string>> = { ok: '32', no: '1;31', 'not known': '33' };
const DIM = '2';

type Paint = (text: string, color: string) => string;

const plain: Paint = (text) => text;
const colored: Paint = (text, color) => `\u001b[${color}m${text}\u001b[0m`;

/** What servers and people wrote must not act on the terminal. */
const shown = (text: string) => text.replaceAll(/\p{Cc}/gu, '�');

export function diagnosisText(diagnosis: Diagnosis, hasColors: boolean): string {
  const paint = hasColors ? colored : plain;
  const { results, verdict, no, notKnown, without } = diagnosis;
  const width = Math.max(...results.map(({ check }) => check.length));
  const lines = results.flatMap(({ check, findings }) =>
    findings.flatMap((finding: Finding, at) => {
      const { outcome, reason, command } = finding;
      const mark = paint(MARKS[outcome].padEnd(2), COLORS[outcome]);
      const name = (at === 0 ? check : '').padEnd(width);
      const indent = ' '.repeat(width + 6);
      return [`${mark}  ${name}  ${shown(reason)}`, paint(`${indent}→ ${shown(command)}`, DIM)];
    }),
  );
  const parts = [
    ...(no.length > 0 ? [`no: ${no.join(', ')}`] : []),
    ...(notKnown.length > 0 ? [`not known: ${notKnown.join(', ')}`] : []),
    ...(without.length > 0 ? [`not known, and done without: ${without.join(', ')}`] : []),
  ];
  const end = [paint(verdict, COLORS[verdict === 'go' ? 'ok' : 'no']), ...parts].join('\n  ');
  const hint =
    notKnown.length > 0
      ? [
          paint(
            `  → to do without: flashsale doctor --without ${[...without, ...notKnown].join(',')}`,
            DIM,
          ),
        ]
      : [];
  return [...lines, '', end, ...hint].join('\n');
}
