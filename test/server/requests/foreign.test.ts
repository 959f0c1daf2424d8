import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RequestOutcome } from '../../../db/calls.ts';
import { createLog } from '../../../process/log.ts';
import { Envelopes } from '../../../server/requests/envelopes.ts';
import { Lookup } from '../../../server/requests/lookup.ts';
import { Purchases } from '../../../server/requests/purchases.ts';
import { FOREIGN_LOOKUPS_PER_SECOND, StatusWaits } from '../../../server/requests/status-waits.ts';
import { wait } from '../shoppers.ts';

/**
 * Shoppers whose web node has died wait at another node, which gets no verdicts for their requests.
 */

const CROWD = 25_000;
const WAIT_MS = 30_000;
const DECIDED_AT = new Date();

describe('requests of a dead node', () => {
  let asked: number;
  let queries: number;
  let outcomes: Map<string, RequestOutcome>;
  let statusWaits: StatusWaits;
  let purchases: Purchases;

  beforeEach(() => {
    vi.useFakeTimers();
    asked = 0;
    queries = 0;
    outcomes = new Map();
    const lookup = new Lookup<RequestOutcome>(
      async (ids) => {
        queries += 1;
        asked += ids.length;
        return { rows: ids.flatMap((id) => outcomes.get(id) ?? []), missing: [] };
      },
      ({ requestId }) => requestId,
    );
    const transport = { publish: async () => 'confirmed' as const, trusted: () => true };
    purchases = new Purchases({
      envelopes: new Envelopes(transport, 'process', () => {}),
      lookup,
      schemaOf: () => undefined,
      answeredAtMs: () => Number.NEGATIVE_INFINITY,
      log: createLog('test', 'silent'),
      events: {
        answered() {},
        refund() {},
        decided() {},
        known: (...news) => statusWaits.resolve(...news),
      },
    });
    statusWaits = new StatusWaits(
      purchases,
      lookup,
      async () => false,
      new AbortController().signal,
    );
  });

  afterEach(() => {
    purchases.stop();
    vi.useRealTimers();
  });

  let shoppers = 0;
  const begin = () => {
    shoppers += 1;
    const question = { requestId: randomUUID(), userId: `user-${shoppers}`, taken: true };
    return wait(statusWaits, question, WAIT_MS);
  };

  it('are looked up together, and less often the longer it takes', async () => {
    const crowd = Array.from({ length: 100 }, begin);
    await vi.advanceTimersByTimeAsync(90);
    expect(queries).toBe(1);
    await vi.advanceTimersByTimeAsync(9_910);
    // First every 100 ms, then whenever the time has grown by a quarter, and every second from the
    // fourth second on.
    expect(queries).toBeGreaterThanOrEqual(16);
    expect(queries).toBeLessThanOrEqual(23);
    expect(asked).toBe(queries * crowd.length);
    await vi.advanceTimersByTimeAsync(WAIT_MS);
    expect(await Promise.all(crowd.map(({ told }) => told))).toHaveLength(100);
    expect(statusWaits.waitingCount).toBe(0);
  });

  it('can be waited for by a limited number of shoppers', async () => {
    for (let count = 0; count < 60_000; count += 1) begin();
    expect(begin).toThrow(expect.objectContaining({ verdict: 'overloaded' }));
  });

  it('do not overload the database, however many shoppers wait, and each shopper gets the outcome', async () => {
    const crowd = Array.from({ length: CROWD }, begin);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toBeGreaterThan(2 * CROWD);
    // All of them at first, then a fixed number a second, and one tick more.
    expect(asked).toBeLessThanOrEqual(CROWD + 10.1 * FOREIGN_LOOKUPS_PER_SECOND);
    // One query a tick, and one for each thousand requests.
    expect(queries).toBeLessThanOrEqual(101 + asked / 1_000);
    for (const { question } of crowd) {
      const { requestId, userId } = question;
      const outcome = { requestId, userId, status: 'sold_out', reason: null, orderNo: null };
      const rest = {
        sale: 's',
        sku: 'TV',
        units: 0,
        amount: null,
        currency: null,
        payBefore: null,
      };
      outcomes.set(requestId, { ...outcome, ...rest, decidedAt: DECIDED_AT } as RequestOutcome);
    }
    // Every shopper has a turn within the seconds that the crowd's look-ups take.
    await vi.advanceTimersByTimeAsync((CROWD / FOREIGN_LOOKUPS_PER_SECOND) * 1_000 + 200);
    expect(crowd.filter(({ isTold }) => !isTold)).toEqual([]);
    expect(statusWaits.waitingCount).toBe(0);
    expect(statusWaits.requestCount).toBe(0);
  });
});
