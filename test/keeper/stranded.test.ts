import { expect, test } from 'vitest';
import { CAUSES, strandedRows } from '../../keeper/stranded.ts';

const NOTHING = { pinned: 0, pinnedNodes: [], idle: 0, dead: 0, underWay: 0 };

test('each cause with units is a row with the action that frees them', () => {
  const figures = new Map([
    ['TV', { pinned: 1, pinnedNodes: ['web-1', 'web-2'], idle: 2, dead: 3, underWay: 4 }],
    ['Phone', NOTHING],
  ]);
  const stock = [
    { sku: 'TV', schema: 'hot', unpaid: 5, overdueOrders: 0, smallSlots: 6 },
    { sku: 'Phone', schema: 'regular', unpaid: 8, overdueOrders: 2, smallSlots: 0 },
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
