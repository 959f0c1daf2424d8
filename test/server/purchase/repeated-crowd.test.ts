import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RequestOutcome } from '../../../db/calls.ts';
import { Recall } from '../../../server/purchase/recall.ts';
import { type Press, press, pressOf } from '../gate/press.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Many presses with keys at once: refusals stay cheap, and an existing order is not denied. */

const HOUR_MS = 3_600_000;
/** More presses than a node may look up at one moment. */
const CROWD = 1_100;

let nowMs: number;

/** The clock of all budgets stands still, so the speed of the machine does not matter. */
beforeEach(() => {
  nowMs = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('the budget of look-ups', () => {
  it.each([
    [true, 1_000],
    [false, 100],
  ])(
    'allows as many as hasRoom has announced: for repetitions (%s) %i a second',
    (isRepeated, perSecond) => {
      const recall = new Recall({ find: async () => undefined } as never);
      let [within, taken] = [0, 0];
      const seconds = 2;
      for (let n = 0; n < seconds * 20_000; n += 1) {
        nowMs += 0.05;
        if (!recall.hasRoom(isRepeated)) continue;
        within += 1;
        if (recall.take(isRepeated)) taken += 1;
      }
      // The bucket is full at first.
      expect(taken).toBeGreaterThanOrEqual(seconds * perSecond);
      expect(taken).toBeLessThanOrEqual((seconds + 1) * perSecond);
      expect(within).toBe(taken);
    },
  );
});

describe('a crowd with keys', () => {
  let node: WebNode;
  let known: Press;

  beforeEach(async () => {
    node = await openWebNode({ environment: { RATE_LIMIT_IP_PER_SECOND: '1000000' } });
    const key = randomUUID();
    known = { ...pressOf(node), headers: { 'idempotency-key': key } };
    const outcome: RequestOutcome = {
      ...{ requestId: key, userId: known.user, sale: 'demo', sku: 'TV', units: 1, orderNo: '42' },
      ...{ amount: '1.00', currency: 'EUR', payBefore: new Date(), decidedAt: new Date() },
      ...{ status: 'paid', reason: null },
    };
    node.world.outcomes = async () => [outcome];
  });
  afterEach(() => node.close());

  const first = (): Press => ({ ...pressOf(node), headers: { 'idempotency-key': randomUUID() } });
  const repeated = (): Press => {
    const one = first();
    return { ...one, ticket: node.ticketOf(one.user, Date.now() - HOUR_MS) };
  };
  const verdicts = async (make: () => Press) => {
    const answers = await Promise.all(Array.from({ length: CROWD }, () => press(node, make())));
    const seen = new Map<string, number>();
    for (const answer of answers) {
      const { verdict } = answer.json();
      seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
    }
    return seen;
  };

  it("that presses for the first time gets the gate's verdict, and leaves repetitions their look-ups", async () => {
    node.world.state = 'closed';
    expect(await verdicts(first)).toEqual(new Map([['closed', CROWD]]));
    const marked = { ...known.headers, 'idempotency-retry': 'true' };
    expect((await press(node, { ...known, headers: marked })).statusCode).toBe(202);
    known.ticket = node.ticketOf(known.user, Date.now() - HOUR_MS);
    expect((await press(node, known)).statusCode).toBe(202);
  });

  it('that repeats gets no final verdict without a look-up, and the refusal is cheap', async () => {
    node.world.state = 'closed';
    expect(await verdicts(repeated)).toEqual(
      new Map([
        ['closed', 1_000],
        ['status_unavailable', CROWD - 1_000],
      ]),
    );
    known.ticket = node.ticketOf(known.user, Date.now() - HOUR_MS);
    // The node reads neither the identity nor the body of this press.
    const url = `/api/v1/buy/${known.ticket}`;
    const bare = await node.app.inject({ method: 'POST', url, headers: known.headers });
    expect([bare.statusCode, bare.json().verdict]).toEqual([503, 'status_unavailable']);
    expect(Number(bare.headers['retry-after'])).toBeGreaterThan(0);
    node.world.state = 'paused';
    expect((await press(node, known)).json().verdict).toBe('paused');
    nowMs += 1;
    expect((await press(node, known)).statusCode).toBe(202);
  });

  it('with expired tickets is not told so without a look-up', async () => {
    const answers = await verdicts(repeated);
    expect(answers).toEqual(
      new Map([
        ['ticket_invalid', 1_000],
        ['status_unavailable', CROWD - 1_000],
      ]),
    );
  });
});
