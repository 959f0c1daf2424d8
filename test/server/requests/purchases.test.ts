import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { PublishResult } from '../../../broker/publisher.ts';
import type { RequestOutcome } from '../../../db/calls.ts';
import { createLog } from '../../../process/log.ts';
import type { SkuOnSale } from '../../../server/catalogue/catalogue.ts';
import { Envelopes } from '../../../server/requests/envelopes.ts';
import { Lookup } from '../../../server/requests/lookup.ts';
import { Purchases } from '../../../server/requests/purchases.ts';
import { StatusWaits } from '../../../server/requests/status-waits.ts';
import { until } from '../../until.ts';
import { ask, wait } from '../shoppers.ts';

const row = { sale: 'demo', sku: 'TV', schema: 'hot' } as SkuOnSale;
let nextId = 0;

function requestOf(userId: string) {
  nextId += 1;
  const requestId = `00000000-0000-4000-8000-${String(nextId).padStart(12, '0')}`;
  return { requestId, userId, units: 1 };
}

/** A node whose broker gives these answers. */
function setUp(answers: (PublishResult | Promise<PublishResult>)[], trusted = true) {
  const sizes: number[] = [];
  const events: string[] = [];
  let late: (result: PublishResult) => void = () => {};
  const node = { trusted };
  const transport = {
    publish: async (_message: unknown, onLate: (result: PublishResult) => void) => {
      late = onLate;
      return answers.shift() ?? 'refused';
    },
    trusted: () => node.trusted,
  };
  const lookup = new Lookup<RequestOutcome>(
    async () => ({ rows: [], missing: [] }),
    ({ requestId }) => requestId,
  );
  const purchases = new Purchases({
    envelopes: new Envelopes(transport, 'process', (requests) => sizes.push(requests)),
    lookup,
    schemaOf: () => row.schema,
    answeredAtMs: () => Number.NEGATIVE_INFINITY,
    log: createLog('test', 'silent'),
    events: {
      answered: () => events.push('answered'),
      refund: () => events.push('refund'),
      decided: ({ verdict }) => events.push(`decided ${verdict?.status}`),
      known: (...news: Parameters<StatusWaits['resolve']>) => statusWaits.resolve(...news),
    },
  });
  const stopping = new AbortController();
  const statusWaits = new StatusWaits(
    purchases,
    lookup,
    async (fenced) => fenced === 'gone',
    stopping.signal,
  );
  const answerLate = (result: PublishResult) => late(result);
  return { purchases, statusWaits, node, sizes, events, answerLate, stopping };
}

describe('an admitted request', () => {
  it('is published together with those that arrive at the same time, up to a limit', async () => {
    const { purchases, sizes } = setUp(['confirmed', 'confirmed', 'confirmed']);
    const entries = Array.from({ length: 257 }, (_, i) =>
      purchases.take(row, requestOf(`u${i}`), 'ticket', 'web-1'),
    );
    await Promise.all(entries.map((entry) => entry.published));
    expect(sizes).toEqual([128, 128, 1]);
    expect(new Set(entries.map((entry) => entry.stage))).toEqual(new Set(['taken']));
    purchases.stop();
  });

  it('is published at once when no message is under way, and otherwise gathered until the confirm', async () => {
    // Gathering ends after some milliseconds, which do not pass here.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const first = Promise.withResolvers<PublishResult>();
    const { purchases, sizes } = setUp([first.promise, 'confirmed']);
    const take = (userId: string) => purchases.take(row, requestOf(userId), 'ticket', 'web-1');
    take('u1');
    await nextTurn();
    expect(sizes).toEqual([1]);
    take('u2');
    await nextTurn();
    const third = take('u3');
    await nextTurn();
    expect(sizes).toEqual([1]);
    first.resolve('confirmed');
    await third.published;
    expect(sizes).toEqual([1, 2]);
    purchases.stop();
    vi.useRealTimers();
  });

  it('waits only a few milliseconds for a broker that does not answer', async () => {
    const { purchases, sizes } = setUp([new Promise(() => {}), 'confirmed']);
    purchases.take(row, requestOf('u1'), 'ticket', 'web-1');
    await nextTurn();
    await purchases.take(row, requestOf('u2'), 'ticket', 'web-1').published;
    expect(sizes).toEqual([1, 1]);
    purchases.stop();
  });

  it('is refunded and forgotten when it was definitely not taken', async () => {
    for (const answer of ['refused', 'returned'] as const) {
      const { purchases, events } = setUp([answer]);
      const entry = purchases.take(row, requestOf('ada'), 'ticket', 'web-1');
      await entry.published;
      expect(purchases.pending.find(entry.request.requestId)).toBeUndefined();
      expect(events).toEqual(['answered', 'refund']);
      purchases.stop();
    }
  });

  it('is not published when the grant is no longer trusted', async () => {
    const { purchases, events } = setUp(['confirmed'], false);
    await purchases.take(row, requestOf('ada'), 'ticket', 'web-1').published;
    expect(events).toEqual(['answered', 'refund']);
    purchases.stop();
  });

  it('stays queued while unknown, is never refunded, and is taken when a late confirm arrives', async () => {
    const { purchases, events, answerLate, statusWaits } = setUp(['unknown']);
    const entry = purchases.take(row, requestOf('ada'), 'ticket', 'web-1');
    await entry.published;
    expect(entry.stage).toBe('unknown');
    const question = { requestId: entry.request.requestId, userId: 'ada', taken: false };
    expect(await ask(statusWaits, question)).toMatchObject({ status: 'queued' });
    answerLate('refused');
    expect(entry.stage).toBe('unknown');
    answerLate('confirmed');
    expect(entry.stage).toBe('taken');
    expect(events).toEqual(['answered']);
    purchases.stop();
  });

  it('is published again while unknown, also after its node id has ended', async () => {
    const { purchases, node } = setUp(['unknown', 'confirmed']);
    const entry = purchases.take(row, requestOf('ada'), 'ticket', 'web-1');
    await entry.published;
    node.trusted = false;
    await vi.waitFor(() => expect(entry.stage).toBe('taken'), { timeout: 60_000 });
    purchases.stop();
  });

  it('was not taken when its node was fenced and it has no outcome', async () => {
    const { purchases, statusWaits } = setUp([]);
    const asked = { requestId: requestOf('ada').requestId, userId: 'ada', taken: true };
    expect(await ask(statusWaits, asked)).toMatchObject({ status: 'queued' });
    expect(await ask(statusWaits, { ...asked, unknownAt: 'web-1' })).toMatchObject({
      status: 'queued',
    });
    expect(await ask(statusWaits, { ...asked, unknownAt: 'gone' })).toEqual({
      requestId: asked.requestId,
      status: 'rejected',
      reason: 'not_taken',
    });
    purchases.stop();
  });

  it('is decided once, is reported to the shopper who waits, and is hidden from other users', async () => {
    const { purchases, events, statusWaits } = setUp(['confirmed']);
    const entry = purchases.take(row, requestOf('ada'), 'ticket', 'web-1');
    const { requestId } = entry.request;
    const asked = wait(statusWaits, { requestId, userId: 'ada', taken: true }, 5_000).told;
    const other = ask(statusWaits, { requestId, userId: 'bob', taken: false });
    expect(await other).toBeUndefined();
    const verdict = { requestId, status: 'sold_out', units: 0 } as const;
    purchases.onVerdict(verdict);
    purchases.onVerdict(verdict);
    expect(await asked).toEqual({ requestId, status: 'sold_out' });
    expect(events.filter((event) => event.startsWith('decided'))).toEqual(['decided sold_out']);
    expect(statusWaits.requestCount).toBe(0);
    purchases.stop();
  });

  it('is waited for until the outcome, the time limit, the shopper or the process ends the wait', async () => {
    const { purchases, statusWaits, stopping } = setUp(['confirmed']);
    const entry = purchases.take(row, requestOf('ada'), 'ticket', 'web-1');
    await entry.published;
    const { requestId } = entry.request;
    const question = { requestId, userId: 'ada', taken: true };
    const queued = { requestId, status: 'queued' };
    const leaves = wait(statusWaits, question, 60_000);
    const stays = wait(statusWaits, question, 60_000);
    expect(statusWaits.waitingCount).toBe(2);
    statusWaits.cancel(leaves);
    await until('it has left', () => statusWaits.waitingCount === 1);
    const late = wait(statusWaits, question, 150);
    expect(await late.told).toEqual(queued);
    expect(statusWaits.waitingCount).toBe(1);
    stopping.abort();
    expect(await stays.told).toEqual(queued);
    expect(leaves.isTold).toBe(false);
    expect(statusWaits.requestCount).toBe(0);
    purchases.stop();
  });
});
