import { expect, it } from 'vitest';
import { type LiveSku, type LiveView, pointOf } from '../../../ops/live/view.ts';

/** The figures of one moment that the charts show: a sum of some parts is no sum. */

type Rates = Partial<
  Pick<LiveSku, 'sale' | 'ordersPerSecond' | 'pressesPerSecond' | 'keptPerSecond'>
>;

const point = (...skus: readonly Rates[]) =>
  pointOf({ at: '2026-11-28T12:00:00Z', skus, queues: [], answers: null } as unknown as LiveView);

const quiet = { pressesPerSecond: 0, keptPerSecond: 0, ordersPerSecond: null };

it('orders are the sum of all homes, and unknown while one of them does not answer', () => {
  const tv = { ...quiet, sale: 'spring', ordersPerSecond: 3 };
  expect(point(tv, { ...tv, ordersPerSecond: 4 }).orders).toBe(7);
  expect(point(tv, { ...quiet, sale: 'spring' }).orders).toBeNull();
  // It is in ZooKeeper only, so no home sells it.
  expect(point(tv, quiet).orders).toBe(3);
  expect(point(quiet).orders).toBeNull();
});

it('presses are unknown while ZooKeeper does not answer', () => {
  const tv = { ...quiet, sale: 'spring', pressesPerSecond: 5, keptPerSecond: 2 };
  expect(point(tv, tv)).toMatchObject({ presses: 10, kept: 4 });
  const away = { ...tv, pressesPerSecond: null, keptPerSecond: null };
  expect(point(away, away)).toMatchObject({ presses: null, kept: null });
});
