import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PublishResult } from '../../../broker/publisher.ts';
import type { Schema } from '../../../contracts/names.ts';
import type { RequestOutcome } from '../../../db/calls.ts';
import { DatabaseError } from '../../../db/client/errors.ts';
import type { Answers } from '../../../db/client/homes.ts';
import { createLog } from '../../../process/log.ts';
import type { SkuOnSale } from '../../../server/catalogue/catalogue.ts';
import { Envelopes } from '../../../server/requests/envelopes.ts';
import { Lookup } from '../../../server/requests/lookup.ts';
import { Purchases } from '../../../server/requests/purchases.ts';
import { StatusWaits } from '../../../server/requests/status-waits.ts';
import { ask, wait } from '../shoppers.ts';

/**
 * Requests of this node whose verdict never arrives: which answer they get, and how they are looked
 * up.
 */

const rowOf = (schema: Schema) => ({ sale: 'demo', sku: schema, schema }) as SkuOnSale;
const outcomeOf = (requestId: string): RequestOutcome => ({
  requestId,
  userId: 'ada',
  sale: 'demo',
  sku: 'TV',
  units: 1,
  status: 'ordered',
  reason: null,
  orderNo: '42',
  amount: '1.00',
  currency: 'EUR',
  payBefore: new Date(Date.now() + 600_000),
  decidedAt: new Date(),
});

let decided: Map<string, RequestOutcome>;
let missing: Schema[];
let failure: Error | undefined;
let answeredAtMs: number;
let asked: number;
let answering: Promise<void> | undefined;
let publishing: PublishResult;
let published: number;
let purchases: Purchases;
let statusWaits: StatusWaits;

beforeEach(() => {
  vi.useFakeTimers();
  [decided, missing, failure, asked, answering] = [new Map(), [], undefined, 0, undefined];
  [publishing, published] = ['confirmed', 0];
  answeredAtMs = Number.NEGATIVE_INFINITY;
  const lookup = new Lookup<RequestOutcome>(
    async (ids): Promise<Answers<RequestOutcome>> => {
      asked += ids.length;
      const rows = ids.flatMap((id) => decided.get(id) ?? []);
      if (failure) throw failure;
      await answering;
      return { rows, missing };
    },
    ({ requestId }) => requestId,
  );
  const transport = {
    publish: async () => {
      published += 1;
      return publishing;
    },
    trusted: () => true,
  };
  purchases = new Purchases({
    envelopes: new Envelopes(transport, 'process', () => {}),
    lookup,
    schemaOf: (sku) => rowOf(sku as Schema).schema,
    answeredAtMs: () => answeredAtMs,
    log: createLog('test', 'silent'),
    events: {
      answered() {},
      refund() {},
      decided() {},
      known: (...news) => statusWaits.resolve(...news),
    },
  });
  statusWaits = new StatusWaits(purchases, lookup, async () => false, new AbortController().signal);
});

afterEach(() => {
  purchases.stop();
  vi.useRealTimers();
});

function take(schema: Schema) {
  const request = { requestId: randomUUID(), userId: 'ada', units: 1 };
  return purchases.take(rowOf(schema), request, 'ticket', 'web-1');
}
type Taken = ReturnType<typeof take>;
const questionOf = ({ request }: Taken) => ({
  requestId: request.requestId,
  userId: 'ada',
  taken: true,
});
async function statusOf(entry: Taken) {
  const told = ask(statusWaits, questionOf(entry)).then(
    (status) => status?.status,
    (error) => `${error.verdict ?? error.kind}`,
  );
  await vi.advanceTimersByTimeAsync(30);
  return told;
}

describe('a request whose verdict was lost', () => {
  it('is answered as ordered as soon as another node may answer so', async () => {
    const entry = take('hot');
    expect(await statusOf(entry)).toBe('queued');
    expect(asked).toBe(0);
    decided.set(entry.request.requestId, outcomeOf(entry.request.requestId));
    await vi.advanceTimersByTimeAsync(300);
    expect(await statusOf(entry)).toBe('ordered');
  });

  it('reaches a waiting shopper when its outcome is found, and is rarely looked up until then', async () => {
    const entry = take('hot');
    const shopper = wait(statusWaits, questionOf(entry), 30_000);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(shopper.isTold).toBe(false);
    expect(asked).toBeLessThanOrEqual(10);
    decided.set(entry.request.requestId, outcomeOf(entry.request.requestId));
    await vi.advanceTimersByTimeAsync(3_100);
    expect((await shopper.told)?.status).toBe('ordered');
  });

  it('is not answered as queued by a look-up that began before the verdict came', async () => {
    const entry = take('hot');
    await vi.advanceTimersByTimeAsync(300);
    const { promise, resolve } = Promise.withResolvers<void>();
    answering = promise;
    const told = ask(statusWaits, questionOf(entry));
    await vi.advanceTimersByTimeAsync(30);
    purchases.onVerdict({ requestId: entry.request.requestId, status: 'sold_out', units: 0 });
    resolve();
    await vi.advanceTimersByTimeAsync(30);
    expect((await told)?.status).toBe('sold_out');
  });

  it('is answered as queued while the database is away only if it was taken after the last answer', async () => {
    const before = take('hot');
    await vi.advanceTimersByTimeAsync(300);
    const other = take('hot');
    await vi.advanceTimersByTimeAsync(300);
    expect(await statusOf(other)).toBe('queued');
    failure = new DatabaseError('unavailable', 'the database is away');
    const since = take('hot');
    await vi.advanceTimersByTimeAsync(300);
    expect(await statusOf(since)).toBe('queued');
    expect(await statusOf(other)).toBe('queued');
    // It was looked up half a second before the last answer. Since then its order may be known
    // elsewhere.
    expect(await statusOf(before)).not.toBe('queued');
  });

  it('is not answered as queued once the database has answered anything, while look-ups still fail', async () => {
    const entry = take('hot');
    await vi.advanceTimersByTimeAsync(300);
    failure = new DatabaseError('unavailable', 'the database is away');
    expect(await statusOf(entry)).toBe('queued');
    // Another node can have read the outcome now.
    answeredAtMs = performance.now();
    expect(await statusOf(entry)).not.toBe('queued');
    const since = take('hot');
    await vi.advanceTimersByTimeAsync(300);
    expect(await statusOf(since)).toBe('queued');
  });

  it('is looked up in its own home, whether the other home is there or not', async () => {
    missing = ['hot'];
    const entry = take('regular');
    await vi.advanceTimersByTimeAsync(300);
    expect(await statusOf(entry)).toBe('queued');
    expect(asked).toBe(1);
    decided.set(entry.request.requestId, outcomeOf(entry.request.requestId));
    await vi.advanceTimersByTimeAsync(300);
    expect(await statusOf(entry)).toBe('ordered');
  });
});

describe('while one home is away', () => {
  it('the requests of that home do not delay look-ups in the other one', async () => {
    missing = ['hot'];
    for (let n = 0; n < 2_500; n += 1) take('hot');
    const entry = take('regular');
    decided.set(entry.request.requestId, outcomeOf(entry.request.requestId));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(entry.stage).toBe('decided');
  });

  it('a request that the broker has not confirmed is still published again', async () => {
    missing = ['hot', 'regular'];
    publishing = 'unknown';
    const entry = take('hot');
    await vi.advanceTimersByTimeAsync(100);
    expect([entry.stage, published]).toEqual(['unknown', 1]);
    publishing = 'confirmed';
    await vi.advanceTimersByTimeAsync(5_000);
    expect([entry.stage, published]).toEqual(['taken', 2]);
  });
});
