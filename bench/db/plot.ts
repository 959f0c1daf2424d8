import { type Curve, chartsBeside } from '../chart.ts';

/** The curves of the benchmark of the database. */

const marksOf = ([first]: readonly Curve[]) => first?.points.map(([x]) => x) ?? [];

export function plot({ batch, slots }: { batch: Curve[]; slots: Curve[] }): string {
  const title = 'Committed orders per second over batch size and over slots';
  return chartsBeside(title, [
    [
      batch,
      {
        title: 'orders/s by batch size (4 clients)',
        xTitle: 'requests per call',
        marks: marksOf(batch),
      },
    ],
    [
      slots,
      {
        title: 'orders/s by slots (one order per call, 32 clients)',
        xTitle: 'slots',
        marks: marksOf(slots),
      },
    ],
  ]);
}
