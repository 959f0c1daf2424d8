import type { Costs } from '../capacity/costs.ts';
import { shownAmount } from '../capacity/model.ts';
import { shortcomings } from '../load/report/report.ts';
import type { Comparison } from './compare.ts';
import { REMOVAL } from './judge.ts';
import type { Rehearsal } from './run.ts';

/** A rehearsal as a person reads it on a terminal. */

type Row = Readonly<Record<string, unknown>>;
type Table = (rows: readonly Row[]) => string;

const seconds = (value: number | undefined) =>
  value === undefined ? undefined : `${value.toFixed(2)} s`;
const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export function rehearsalText(found: Rehearsal, costs: Costs, table: Table): string {
  const { sale, isWell, findings, skus, comparison, report } = found;
  return [
    table(skus.map(({ sku, units, wanted, sold }) => ({ sku, units, wanted, sold }))),
    '',
    ...modelLines(comparison, table),
    `The costs of the model were measured on ${costs.measuredOn} on ${costs.machine.cores} cores (${costs.machine.cpu}), in a shop that is full.`,
    'With fewer orders a second, each one costs more; the pages and looks of whole shoppers are not in them.',
    '',
    table(
      findings.map((one) => ({
        check: one.about,
        is: one.isWell ? 'well' : 'NO',
        found: one.text,
      })),
    ),
    ...shortcomings(report).map((text) => `! ${text}`),
    '',
    isWell ? `well: ${sale} can be sold like this` : `NO: ${sale} was not sold as it should be`,
    ...(findings.some(({ about }) => about === REMOVAL) ? [] : ['the shadow is removed']),
  ].join('\n');
}

function modelLines(comparison: Comparison, table: Table): string[] {
  const { busiest, limits, usedShare, needs, shop, cpu } = comparison;
  const reached = busiest.presses + busiest.tickets;
  const [first] = limits;
  return [
    `busiest second: ${busiest.presses} presses, ${busiest.tickets} tickets, ${busiest.orders.toFixed(0)} orders`,
    ...(first === undefined || usedShare === undefined
      ? []
      : [
          `the model's first limit of this mix: ${first.limit}, at ${shownAmount(first.perSecond)} presses and tickets a second; ${percent(usedShare)} of it was reached`,
          '',
          table(
            limits.map(({ limit, perSecond }) => ({
              ...{ limit, 'full at': `${shownAmount(perSecond)}/s` },
              ...{ reached: `${reached}/s`, used: percent(reached / perSecond) },
            })),
          ),
        ]),
    '',
    table([
      ...cpu.map(({ part, predictedSeconds, measuredSeconds }) => ({
        part,
        'needed for the busiest second': part === 'workers' ? needs.workers : needs.webNodes,
        present: part === 'workers' ? shop.workers : shop.webNodes,
        'CPU by the model': seconds(predictedSeconds),
        'CPU measured': seconds(measuredSeconds),
      })),
    ]),
  ];
}
