import { expect, it } from 'vitest';
import { TicketKeys } from '../../../server/catalogue/ticket-keys.ts';

const HOUR_MS = 3_600_000;
const KEY = { id: 1, key: Buffer.alloc(32, 1), retiredAt: undefined, isRevoked: false };

it('a node that starts after a sale has closed can read receipts of requests that are still queued', async () => {
  const asked: string[] = [];
  const keys = new TicketKeys(async (sale) => {
    asked.push(sale);
    return [KEY];
  }, 10_000);
  const nowMs = Date.now();
  const closed = (sale: string, hoursAgo: number) => ({
    sale,
    opensAt: new Date(nowMs - 100 * HOUR_MS),
    closesAt: new Date(nowMs - hoursAgo * HOUR_MS),
    ticketEpoch: 1,
  });
  const sales = [closed('today', 1), closed('long-ago', 25)];
  await keys.refresh(sales, nowMs);
  await keys.refresh(sales, nowMs);
  expect(keys.receipt('today')).toBeDefined();
  expect(asked).toEqual(['today']);
});
