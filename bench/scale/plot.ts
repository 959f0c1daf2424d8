import { twoCharts } from '../chart.ts';
import type { Part, Prediction } from './model.ts';
import type { Measured } from './rounds.ts';

/** What was measured, with filled points, and what the model says, with hollow ones. */

const ALL_HOMES = [1, 2, 4, 16, 64];
const SHOWN: readonly Part[] = ['web nodes', 'broker', 'ZooKeeper', 'keepers', 'server of regular'];

/** Powers of ten around the values. */
function decadesOf(values: readonly number[]): number[] {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const [first, last] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  return Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n));
}

export function plot(
  measured: readonly Measured[],
  modelled: readonly Prediction[],
  brokerCores: readonly (readonly [homes: number, cores: number])[],
): string {
  const rates = measured.map(({ homes, ordersPerSecond: { median } }) => [homes, median] as const);
  const [, one = 1] = rates[0] ?? [];
  const reckoned = modelled.map(({ homes, ordersPerSecond }) => [homes, ordersPerSecond] as const);
  const linear = ALL_HOMES.map((homes) => [homes, homes * one] as const);
  const cores = SHOWN.map((part, index) => ({
    ...{ title: `${part} (model)`, colour: index, look: 'modelled' as const },
    points: modelled.map((one) => [one.homes, one.cores[part]] as const),
  }));
  return twoCharts('Orders per second and cores of shared parts over the number of homes', [
    [
      [
        { title: '', points: linear, look: 'line', colour: 4 },
        {
          title: 'model, linear growth as a thin line',
          points: reckoned,
          look: 'modelled',
          colour: 1,
        },
        {
          ...{ title: 'measured, with least and most', points: rates, colour: 0 },
          ranges: measured.map(({ ordersPerSecond: { least, most } }) => [least, most] as const),
        },
      ],
      {
        ...{ title: 'orders/s by homes of the same CPU share', xTitle: 'homes', marks: ALL_HOMES },
        decades: decadesOf([...linear, ...reckoned, ...rates].map(([, rate]) => rate)),
      },
    ],
    [
      [...cores, { title: 'broker (measured)', points: brokerCores, colour: 1 }],
      {
        ...{ title: 'cores of shared parts', xTitle: 'homes', marks: ALL_HOMES },
        decades: decadesOf([...cores.flatMap(({ points }) => points)].map(([, each]) => each)),
      },
    ],
  ]);
}
