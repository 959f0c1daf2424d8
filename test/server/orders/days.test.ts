import { expect, it } from 'vitest';
import type { Databases } from '../../../db/client/pool.ts';
import { Days } from '../../../server/orders/days.ts';
import { rowOnSale } from '../web-node.ts';

it('a user has no day of a sale that was removed, although the next one has its name and SKU', async () => {
  const last = '2026-12-01';
  let rows = [{ last, streak: 3 }];
  const databases = { home: () => ({ query: async () => rows }) } as unknown as Databases;
  const days = new Days(databases, () => Date.parse(last));
  const daily = (createdAtMs: number) =>
    rowOnSale({ zone: 'UTC', saleCreatedAt: new Date(createdAtMs) });
  expect(await days.today(daily(1), 'ada')).toEqual({ day: last, done: true, streak: 3 });
  rows = [];
  expect(await days.today(daily(1), 'ada')).toEqual({ day: last, done: true, streak: 3 });
  expect(await days.today(daily(2), 'ada')).toEqual({ day: last, done: false, streak: 0 });
});
