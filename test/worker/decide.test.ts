import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Decision as Placed } from '../../db/orders.ts';
import type { AdmittedRequest } from '../../db/place-call.ts';
import { createLog } from '../../process/log.ts';
import type { Span } from '../../process/spans.ts';
import { Decider, type Decision, type PlaceOrders } from '../../worker/decide.ts';
import { kindOfFailure, RETRY_LIMITS, retryDelayMs } from '../../worker/retry.ts';

const log = createLog('test', 'silent');
const limits = { ...RETRY_LIMITS, retryDelayInitialMs: 1, retryDelayMaxMs: 2 };
const refused = () => new DatabaseError('refused', 'division by zero', '22012');
const down = () => new DatabaseError('unavailable', 'no connection');
const tooSlow = () => new DatabaseError('retry', 'statement timeout', '57014');

function request(n: number): AdmittedRequest {
  const requestId = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  return { requestId, userId: `u${n}`, units: 1, node: 'n1' };
}

const requests = (count: number) => Array.from({ length: count }, (_, n) => request(n));
const ordered = ({ requestId }: AdmittedRequest): Placed => ({
  requestId,
  status: 'ordered',
  reason: null,
  orderNo: '7',
  units: 1,
});

const requestIdOf = (decision: Decision) =>
  decision.kind === 'decided' && decision.verdict.requestId;

function decider(placeOrders: PlaceOrders, stopping = new AbortController().signal) {
  return new Decider({ placeOrders, limits, log, stopping });
}

describe('a failure', () => {
  test.each([
    [new DatabaseError('retry', 'duplicate key', '23505'), 'collision'],
    [new DatabaseError('retry', 'connection lost'), 'transient'],
    [down(), 'transient'],
    [new DatabaseError('retry', 'lock timeout', '55P03'), 'held'],
    [tooSlow(), 'slow'],
    [new DatabaseError('refused', 'no such function', '42883'), 'transient'],
    [new DatabaseError('refused', 'permission denied', '42501'), 'transient'],
    [new DatabaseError('refused', 'wrong password', '28P01'), 'transient'],
    [new DatabaseError('refused', 'malformed arguments', 'FS001'), 'permanent'],
    [refused(), 'permanent'],
    [new TypeError('a bug'), 'permanent'],
  ])('%s is %s', (error, kind) => {
    expect(kindOfFailure(error)).toBe(kind);
  });

  test('has a delay that grows to its limit, with full jitter', () => {
    expect(retryDelayMs(1, 1, RETRY_LIMITS)).toBe(50);
    expect(retryDelayMs(3, 1, RETRY_LIMITS)).toBe(200);
    expect(retryDelayMs(1e9, 1, RETRY_LIMITS)).toBe(2_000);
    expect(retryDelayMs(7, 0, RETRY_LIMITS)).toBe(0);
  });
});

describe('the decider', () => {
  test('returns the verdicts of the routine', async () => {
    const all = requests(2);
    const decisions = await decider(async (_sku, batch) => [
      ordered(batch[0] ?? request(0)),
      { ...ordered(batch[1] ?? request(1)), status: 'locked' },
    ]).decide('TV', all, false);
    const verdict = { requestId: all[0]?.requestId, status: 'ordered', orderNo: '7', units: 1 };
    expect(decisions).toEqual([{ kind: 'decided', verdict }, { kind: 'locked' }]);
  });

  test('repeats the same batch through an outage, however long', async () => {
    let calls = 0;
    const decisions = await decider(async (_sku, batch) => {
      expect(batch).toHaveLength(5);
      calls += 1;
      if (calls < 50) throw calls % 2 === 0 ? down() : new DatabaseError('refused', '', '42883');
      return batch.map(ordered);
    }).decide('TV', requests(5), false);
    expect(decisions.every(({ kind }) => kind === 'decided')).toBe(true);
  });

  test('halves a batch until it gives up only the request that causes the failure', async () => {
    const culprit = request(13).requestId;
    const decisions = await decider(async (_sku, batch) => {
      if (batch.some(({ requestId }) => requestId === culprit)) throw refused();
      return batch.map(ordered);
    }).decide('TV', requests(40), false);
    expect(decisions.map(({ kind }) => kind === 'poison').indexOf(true)).toBe(13);
    expect(decisions.filter(({ kind }) => kind === 'decided')).toHaveLength(39);
  });

  test('halves a batch that takes longer than the statement timeout, and remembers how many it takes', async () => {
    const sizes: number[] = [];
    const one = decider(async (_sku, batch) => {
      sizes.push(batch.length);
      if (batch.length > 60) throw tooSlow();
      return batch.map(ordered);
    });
    const decisions = await one.decide('TV', requests(200), false);
    expect(decisions.map(requestIdOf)).toEqual(requests(200).map(({ requestId }) => requestId));
    // A single timeout may have another cause than the size.
    expect(sizes.slice(0, 5)).toEqual([200, 200, 100, 100, 50]);
    sizes.length = 0;
    await one.decide('Radio', requests(40), false);
    await one.decide('TV', requests(40), false);
    expect(sizes).toEqual([40, 40]);
  });

  test('repeats a single request that takes too long, as in an outage, and then calls for more and more', async () => {
    const sizes: number[] = [];
    let isSlow = true;
    const one = decider(async (_sku, batch) => {
      sizes.push(batch.length);
      isSlow &&= sizes.length < 30;
      if (isSlow) throw tooSlow();
      return batch.map(ordered);
    });
    const decisions = await one.decide('TV', requests(64), false);
    expect(decisions.map(requestIdOf)).toEqual(requests(64).map(({ requestId }) => requestId));
    expect(sizes.slice(14, 30)).toEqual(Array(16).fill(1));
    expect(sizes.slice(30)).toEqual([1, 2, 4, 8, 16, 32]);
  });

  test.each([
    ['fails', () => Promise.reject(refused())],
    ['answers nothing', async () => []],
  ])(
    'does not turn the queue into dead letters when the routine %s for everything',
    async (_, fail) => {
      let broken = true;
      const one = decider((_sku, batch) => (broken ? fail() : Promise.resolve(batch.map(ordered))));
      const first = await one.decide('TV', requests(30), false);
      const kinds = first.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'poison')).toHaveLength(limits.poisonInARowMax);
      expect(kinds.filter((kind) => kind === 'locked')).toHaveLength(30 - limits.poisonInARowMax);
      broken = false;
      const second = await one.decide('TV', requests(30), true);
      expect(second.every(({ kind }) => kind === 'decided')).toBe(true);
    },
  );

  test('does not accept "unknown SKU" as final, because the routine did not record it', async () => {
    const [decision] = await decider(async (_sku, batch) =>
      batch.map((one) => ({ ...ordered(one), status: 'rejected', reason: 'unknown_sku' })),
    ).decide('TV', requests(1), false);
    expect(decision?.kind).toBe('poison');
  });

  test('takes a missing decision for a failure, not for a verdict', async () => {
    const decisions = await decider(async () => []).decide('TV', requests(1), false);
    expect(decisions[0]?.kind).toBe('poison');
  });

  test('stops in the middle of an outage without a decision', async () => {
    const abort = new AbortController();
    const decisions = await decider(async () => {
      abort.abort();
      throw down();
    }, abort.signal).decide('TV', requests(2), false);
    expect(decisions).toEqual([{ kind: 'abandoned' }, { kind: 'abandoned' }]);
  });
});

test('a failed call is logged with the traces of its requests', async () => {
  const lines: string[] = [];
  const spanOf = (traceId: string) => ({ traceId }) as Span;
  const [first, second] = requests(2);
  if (first === undefined || second === undefined) throw new Error('two requests');
  let calls = 0;
  const placeOrders: PlaceOrders = async (_sku, batch) => {
    calls += 1;
    if (calls === 1) throw down();
    return batch.map(ordered);
  };
  const told = pino({}, { write: (line) => lines.push(line) });
  const stopping = new AbortController().signal;
  const one = new Decider({ placeOrders, limits, log: told, stopping });
  await one.decide('TV', [first, { ...second, span: spanOf('abc') }], false);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'place_orders failed', requests: 2, trace_ids: ['abc'] },
  ]);
});
