import { expect, test } from 'vitest';
import { lastKnown } from '../../db/client/homes.ts';
import { CAUSES, strandedRows } from '../../db/stranded.ts';
import { createKeeperMetrics } from '../../keeper/metrics.ts';
import { ControlPlane } from './control-plane.ts';

const NOTHING = { pinned: 0, pinnedNodes: [], idle: 0, dead: 0, underWay: 0 };

test('each cause with units is a row with the action that frees them', () => {
  const figures = new Map([
    ['TV', { pinned: 1, pinnedNodes: ['web-1', 'web-2'], idle: 2, dead: 3, underWay: 4 }],
    ['Phone', NOTHING],
  ]);
  const stock = [
    { sku: 'TV', schema: 'hot' as const, unpaid: 5, overdueOrders: 0, smallSlots: 6 },
    { sku: 'Phone', schema: 'regular' as const, unpaid: 8, overdueOrders: 2, smallSlots: 0 },
  ];
  const rows = strandedRows(figures, stock, 7);
  expect(rows.map(({ sku, cause, units }) => [sku, cause, units])).toEqual([
    ['Phone', 'unpaid', 8],
    ['TV', 'idle_node', 2],
    ['TV', 'dead_node', 3],
    ['TV', 'pinned', 1],
    ['TV', 'queued', 4],
    ['TV', 'small_slot', 6],
    ['TV', 'unpaid', 5],
    [null, 'dead_lettered', 7],
  ]);
  expect(new Set(rows.map(({ cause }) => cause))).toEqual(new Set(CAUSES));
  expect(rows[0]?.remedy).toBe('psql: SELECT regular.expire_orders(1000)');
  expect(rows.find(({ cause }) => cause === 'pinned')?.remedy).toBe(
    'flashsale quota unpin TV web-1 && flashsale quota unpin TV web-2',
  );
  expect(rows.at(-1)?.remedy).toBe('flashsale dead-letters list');
});

const unpaidIn = (schema: 'regular' | 'hot', unpaid: number) => ({
  ...{ sku: 'TV', schema, unpaid },
  ...{ overdueOrders: 0, smallSlots: 0 },
});

test('unpaid orders of a SKU that has moved have a row of each home, and the metric adds them', async () => {
  const stock = [unpaidIn('regular', 3), unpaidIn('hot', 5)];
  const rows = strandedRows(new Map(), stock, 0);
  expect(rows.map(({ remedy }) => remedy)).toEqual([
    'they are paid or expire; psql: SELECT * FROM regular.unpaid_backlog',
    'they are paid or expire; psql: SELECT * FROM hot.unpaid_backlog',
  ]);
  const plane = await ControlPlane.start();
  const text = await createKeeperMetrics(plane.keeper(), () => rows).text();
  await plane.close();
  expect(text).toMatch(/flashsale_stranded_units{sku="TV",cause="unpaid".*} 8$/m);
});

test('the figures of a home that does not answer stay as they were', () => {
  const before = [unpaidIn('regular', 3), unpaidIn('hot', 5)];
  expect(lastKnown(before, { rows: [unpaidIn('regular', 1)], missing: ['hot'] })).toEqual([
    unpaidIn('regular', 1),
    unpaidIn('hot', 5),
  ]);
  // A home that answers without a row has no such units.
  expect(lastKnown(before, { rows: [unpaidIn('regular', 1)], missing: [] })).toEqual([
    unpaidIn('regular', 1),
  ]);
});
