import { chartsBeside } from '../chart.ts';
import { PARTS, type Prediction } from './model.ts';
import type { Measured } from './rounds.ts';

/** The plot: measured rates have filled points, modelled ones hollow points. */

/** Powers of ten around the values. */
function decadesOf(values: readonly number[]): number[] {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const [first, last] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  return Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n));
}

const ratesOf = (predictions: readonly Prediction[]) =>
  predictions.map(({ homes, ordersPerSecond }) => [homes, ordersPerSecond] as const);

/**
 * @param modelled homes with the share that was measured
 * @param whole homes with a whole core
 */
export function plot(
  measured: readonly Measured[],
  modelled: readonly Prediction[],
  whole: readonly Prediction[],
): string {
  const marks = modelled.map(({ homes }) => homes);
  const rates = measured.map(({ homes, ordersPerSecond: { median } }) => [homes, median] as const);
  const [[, ofOne] = [1, 1]] = rates;
  const linear = marks.map((homes) => [homes, homes * ofOne] as const);
  const cores = PARTS.map((part, colour) => ({
    ...{ title: part, colour, look: 'modelled' as const },
    points: whole.map((one) => [one.homes, one.cores[part]] as const),
  }));
  const title = 'Orders per second and cores of shared parts over the number of homes';
  return chartsBeside(title, [
    [
      [
        { title: '', points: linear, look: 'line', colour: 4 },
        {
          title: 'model, homes of a whole core',
          points: ratesOf(whole),
          look: 'modelled',
          colour: 2,
        },
        {
          title: 'model, homes of the measured share',
          points: ratesOf(modelled),
          look: 'modelled',
          colour: 1,
        },
        {
          ...{ title: 'measured (median, least to most)', points: rates, colour: 0 },
          ranges: measured.map(({ ordersPerSecond: { least, most } }) => [least, most] as const),
        },
      ],
      {
        ...{ title: 'orders/s by homes; thin: linear', xTitle: 'homes', marks },
        decades: decadesOf([...linear, ...ratesOf(whole), ...ratesOf(modelled)].map(([, y]) => y)),
      },
    ],
    [
      cores,
      {
        ...{ title: 'model: cores of shared parts, homes of a whole core', xTitle: 'homes', marks },
        // A power of ten more leaves room for the legend.
        decades: decadesOf(cores.flatMap(({ points }) => points.flatMap(([, y]) => [y, 10 * y]))),
      },
    ],
  ]);
}
