import { describe, expect, it } from 'vitest';
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
    createdAt: new Date(1),
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

describe('the keys of a sale that was removed and put on again under its name', () => {
  const nowMs = Date.now();
  const sale = (createdAtMs: number, opensInMs: number, ticketEpoch: number) => ({
    sale: 'spring',
    createdAt: new Date(createdAtMs),
    opensAt: new Date(nowMs + opensInMs),
    closesAt: new Date(nowMs + opensInMs + HOUR_MS),
    ticketEpoch,
  });
  const over = sale(1, -2 * HOUR_MS, 1);
  const bytes = (keys: TicketKeys) => [
    keys.signing('spring', nowMs)?.export(),
    keys.receipt('spring')?.export(),
  ];

  it.each([[[]], [undefined]])('are unknown before it opens', async (between) => {
    const keys = new TicketKeys(async () => [KEY], 10_000);
    await keys.refresh([over], nowMs);
    if (between !== undefined) await keys.refresh(between, nowMs);
    await keys.refresh([sale(2, HOUR_MS, 0)], nowMs);
    expect(bytes(keys)).toEqual([undefined, undefined]);
    expect(keys.accepted('spring')).toEqual([]);
  });

  it('are its own, although their numbers are those of the keys before', async () => {
    let key = KEY.key;
    const keys = new TicketKeys(async () => [{ ...KEY, key }], 10_000);
    await keys.refresh([over], nowMs);
    key = Buffer.alloc(32, 2);
    await keys.refresh([sale(2, -1_000, 1)], nowMs);
    expect(bytes(keys)).toEqual([key, key]);
  });

  it('are not those of an answer that comes too late', async () => {
    const answer = Promise.withResolvers<[typeof KEY]>();
    const keys = new TicketKeys(() => answer.promise, 10_000);
    await keys.refresh([sale(1, HOUR_MS, 0)], nowMs);
    const late = keys.signingNow('spring', nowMs);
    await keys.refresh([sale(2, HOUR_MS, 0)], nowMs);
    answer.resolve([KEY]);
    expect(await late).toBeUndefined();
    expect(bytes(keys)).toEqual([undefined, undefined]);
  });
});
