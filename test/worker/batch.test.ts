import { describe, expect, test } from 'vitest';
import { type Batch, BatchPlanner } from '../../worker/batch.ts';
import fc from '../properties.ts';

interface Request {
  readonly requestId: string;
  readonly n: number;
  readonly positions?: readonly number[];
}

const limits = { batchRequestsMax: 3, batchWaitMs: 2, callsInFlightMax: 2 };
let serial = 0;
const request = (requestId = `r${serial++}`): Request => ({ requestId, n: serial++ });
const idsOf = (batch: Batch<Request> | undefined) => batch?.requests.map((r) => r.requestId);

describe('the batch planner', () => {
  test('waits for more requests, but not longer than allowed', () => {
    const planner = new BatchPlanner<Request>(limits);
    planner.add('TV', request('a'), 10);
    expect(planner.next(11)).toBeUndefined();
    expect(planner.dueInMs(11)).toBe(1);
    planner.add('TV', request('b'), 11);
    expect(idsOf(planner.next(12))).toEqual(['a', 'b']);
    expect(planner.dueInMs(12)).toBeUndefined();
  });

  test('hands a full batch out at once, and one SKU a call', () => {
    const planner = new BatchPlanner<Request>(limits);
    for (const id of ['a', 'b', 'c', 'd']) planner.add('TV', request(id), 0);
    planner.add('PC', request('e'), 0);
    expect(idsOf(planner.next(0))).toEqual(['a', 'b', 'c']);
    expect(planner.next(0)).toBeUndefined();
    expect(planner.next(2)?.sku).toBe('PC');
    expect(planner.waiting).toBe(1);
  });

  test('makes no more calls than allowed, and puts requests that come meanwhile into a larger batch', () => {
    const planner = new BatchPlanner<Request>({ ...limits, callsInFlightMax: 1 });
    planner.add('TV', request('a'), 0);
    const first = planner.next(5);
    planner.add('TV', request('b'), 6);
    planner.add('TV', request('c'), 7);
    expect(planner.next(100)).toBeUndefined();
    expect(planner.dueInMs(100)).toBeUndefined();
    if (first !== undefined) planner.finished(first, [], 100);
    expect(idsOf(planner.next(100))).toEqual(['b', 'c']);
  });

  test('pauses a SKU whose sale opens later, and no other SKU', () => {
    const planner = new BatchPlanner<Request>(limits);
    for (const id of ['a', 'b', 'c']) planner.add('TV', request(id), 0);
    const early = planner.next(0);
    if (early === undefined) throw new Error('no batch');
    planner.finished(early, early.requests, 1, 100);
    planner.add('TV', request('d'), 1);
    planner.add('PC', request('e'), 1);
    expect(idsOf(planner.next(50))).toEqual(['e']);
    expect(planner.next(100)).toBeUndefined();
    expect(planner.dueInMs(50)).toBe(51);
    expect(idsOf(planner.next(101))).toEqual(['a', 'b', 'c']);
  });

  test('puts locked requests first into the next call, which waits, while no other call of the SKU does', () => {
    const planner = new BatchPlanner<Request>(limits);
    for (const id of ['a', 'b']) planner.add('TV', request(id), 0);
    const first = planner.next(2);
    planner.add('TV', request('c'), 3);
    planner.add('TV', request('d'), 3);
    if (first === undefined) throw new Error('no batch');
    planner.finished(first, first.requests, 3);
    const second = planner.next(3);
    expect([idsOf(second), second?.wait]).toEqual([['a', 'b', 'c'], true]);
    expect(planner.next(100)).toBeUndefined();
    if (second !== undefined) planner.finished(second, [], 100);
    const third = planner.next(100);
    expect([idsOf(third), third?.wait]).toEqual([['d'], false]);
  });

  test('never puts copies of one request into two calls at once', () => {
    const planner = new BatchPlanner<Request>(limits);
    planner.add('TV', request('a'), 0);
    planner.add('TV', request('a'), 0);
    planner.add('PC', request('a'), 0);
    const first = planner.next(2);
    expect(idsOf(first)).toEqual(['a']);
    expect(planner.next(2)).toBeUndefined();
    if (first !== undefined) planner.finished(first, [], 2);
    expect(idsOf(planner.next(2))).toEqual(['a']);
  });

  test('calls requests that name their units apart from the others of the SKU', () => {
    const planner = new BatchPlanner<Request>(limits);
    const chosen = { ...request('b'), positions: [7] };
    planner.add('TV', request('a'), 0);
    planner.add('TV', chosen, 0);
    planner.add('TV', { ...request('c'), positions: [8] }, 0);
    const [first, second] = [planner.next(2), planner.next(2)];
    expect([idsOf(first), idsOf(second)]).toEqual([['a'], ['b', 'c']]);
    expect([first?.sku, second?.sku, second?.isChosen]).toEqual(['TV', 'TV', true]);
    if (second !== undefined) planner.finished(second, [chosen], 2);
    planner.add('TV', request('d'), 2);
    const again = planner.next(2);
    expect([idsOf(again), again?.wait]).toEqual([['b'], true]);
  });

  test('hands each request out until it is decided, within the limits, in any history', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add'), sku: fc.nat(2), id: fc.nat(12) }),
      fc.record({ kind: fc.constant('finish'), which: fc.nat(3), locked: fc.nat(3) }),
      fc.record({ kind: fc.constant('time'), ms: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const planner = new BatchPlanner<Request>(limits);
        const undecided = new Set<Request>();
        const running: Batch<Request>[] = [];
        let nowMs = 0;
        const take = () => {
          for (;;) {
            const batch = planner.next(nowMs);
            if (batch === undefined) return;
            running.push(batch);
            const all = running.flatMap((one) => one.requests);
            expect(new Set(all.map((r) => r.requestId)).size).toBe(all.length);
            expect(batch.requests.length).toBeLessThanOrEqual(limits.batchRequestsMax);
            expect(running.length).toBeLessThanOrEqual(limits.callsInFlightMax);
            for (const one of batch.requests) expect(undecided.has(one)).toBe(true);
          }
        };
        const finish = (batch: Batch<Request>, lockedCount: number) => {
          const locked = batch.requests.slice(0, lockedCount);
          for (const one of batch.requests) if (!locked.includes(one)) undecided.delete(one);
          planner.finished(batch, locked, nowMs);
        };
        for (const one of steps) {
          if ('sku' in one) {
            const added = request(`id${one.id}`);
            undecided.add(added);
            planner.add(`sku${one.sku}`, added, nowMs);
          } else if ('which' in one) {
            const [batch] = running.splice(one.which % Math.max(1, running.length), 1);
            if (batch !== undefined) finish(batch, one.locked);
          } else {
            nowMs += one.ms;
          }
          take();
        }
        for (let rounds = 0; undecided.size > 0; rounds += 1) {
          expect(rounds).toBeLessThan(200);
          nowMs += limits.batchWaitMs;
          take();
          for (const batch of running.splice(0)) finish(batch, 0);
        }
        expect([planner.waiting, planner.callsInFlight]).toEqual([0, 0]);
        expect(planner.next(nowMs + 100)).toBeUndefined();
      }),
    );
  });
});
