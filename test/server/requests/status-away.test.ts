import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestOutcome } from '../../../db/calls.ts';
import { DatabaseError } from '../../../db/client/errors.ts';
import { issueReceipt } from '../../../server/requests/receipt.ts';
import { until } from '../../until.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** The answers about a request while the database is away: never an earlier state than before. */

const AWAY = new DatabaseError('unavailable', 'the database is away');
const away = async (): Promise<RequestOutcome[]> => {
  throw AWAY;
};

let node: WebNode;
let requestId: string;
beforeEach(async () => {
  node = await openWebNode();
  requestId = randomUUID();
});
afterEach(() => node.close());

const get = (path: string) =>
  node.app.inject({
    url: `/api/v1/requests/${path}`,
    headers: { authorization: `Bearer ${node.tokenOf('ann')}` },
  });

/** This node takes a request. */
const take = () =>
  node.context.purchases.take(
    node.world.row,
    { requestId, userId: 'ann', units: 1 },
    'ticket',
    'web-1',
  ).published;

/** The id as in the status URL of a request that another node took. */
const withReceipt = () => {
  const facts = { sale: node.world.row.sale, requestId, userId: 'ann' };
  return `${requestId}~${issueReceipt(node.ticketKey, facts)}`;
};

const ordered = (status: RequestOutcome['status'] = 'ordered'): RequestOutcome => ({
  requestId,
  userId: 'ann',
  sale: 'demo',
  sku: 'TV',
  units: 1,
  status,
  reason: null,
  orderNo: '42',
  amount: '1.00',
  currency: 'EUR',
  payBefore: new Date(Date.now() + 600_000),
  decidedAt: new Date(),
});

async function expectUnknown(path: string): Promise<void> {
  const answer = await get(path);
  expect([answer.statusCode, answer.json().verdict]).toEqual([503, 'status_unavailable']);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
}

describe('while the database is away', () => {
  it.each(['', '?wait=10', '/events'])(
    'a request of another node has no answer, with a receipt or without: …%s',
    async (rest) => {
      node.world.outcomes = async () => [ordered()];
      expect((await get(withReceipt())).json().status).toBe('ordered');
      node.world.outcomes = away;
      await expectUnknown(`${withReceipt()}${rest}`);
      await expectUnknown(`${requestId}${rest}`);
    },
  );

  it('an order of this node has no answer either, because it may be paid or cancelled', async () => {
    await take();
    node.context.purchases.onVerdict({ requestId, status: 'ordered', units: 1, orderNo: '42' });
    node.world.outcomes = async () => [ordered('cancelled')];
    expect((await get(requestId)).json().status).toBe('cancelled');
    node.world.outcomes = away;
    await expectUnknown(requestId);
    // After five failures in a row the node stops asking the database for a moment.
    for (let n = 0; n < 6; n += 1) await expectUnknown(requestId);
  });

  it('a final state is answered from memory', async () => {
    await take();
    node.context.purchases.onVerdict({ requestId, status: 'sold_out', units: 0 });
    node.world.outcomes = away;
    expect((await get(requestId)).json().status).toBe('sold_out');
  });

  it('a request that this node knows as undecided is answered as queued', async () => {
    node.world.outcomes = away;
    await take();
    expect((await get(requestId)).json()).toEqual({ requestId, status: 'queued' });
  });

  it('a shopper who waits is told when the database goes away meanwhile', async () => {
    let looked = 0;
    node.world.outcomes = async () => {
      looked += 1;
      return looked > 2 ? away() : [];
    };
    await expectUnknown(`${withReceipt()}?wait=30`);
    expect(looked).toBeGreaterThan(2);
  });
});

describe('while one home of two is away', () => {
  it('a request that this home may have has no answer', async () => {
    node.world.missing = ['hot'];
    await expectUnknown(withReceipt());
    await expectUnknown(requestId);
  });

  it('a shopper who waits with a receipt gets the answer when the home is back', async () => {
    let looked = 0;
    node.world.missing = ['hot'];
    node.world.outcomes = async () => {
      looked += 1;
      if (looked < 3) return [];
      node.world.missing = [];
      return [ordered()];
    };
    const { statusCode, body } = await get(`${withReceipt()}?wait=30`);
    expect([statusCode, JSON.parse(body).status]).toEqual([200, 'ordered']);
    expect(looked).toBe(3);
  });

  it('a shopper who waits gets the answer when the fence of a lost node can be asked for again', async () => {
    let askedFor = 0;
    node.world.fenced = async () => {
      askedFor += 1;
      return askedFor === 1 ? Promise.reject(AWAY) : true;
    };
    node.world.outcomes = async () => [];
    const facts = { sale: node.world.row.sale, requestId, userId: 'ann', unknownAt: 'web-9' };
    const path = `${requestId}~${issueReceipt(node.ticketKey, facts)}`;
    const { statusCode, body } = await get(`${path}?wait=30`);
    expect([statusCode, JSON.parse(body).reason]).toEqual([200, 'not_taken']);
  });
});

describe('a node that has missed verdicts', () => {
  it('does not answer its own requests as undecided until it has looked them up', async () => {
    await take();
    const { purchases } = node.context;
    purchases.hears(false);
    node.world.outcomes = away;
    await expectUnknown(requestId);
    purchases.hears(true);
    await expectUnknown(requestId);

    let isLooked = false;
    node.world.outcomes = async () => {
      isLooked = true;
      return [];
    };
    // The circuit breaker lets one call through after a moment.
    await until('it is queued', async () => (await get(requestId)).json().status === 'queued');
    expect(isLooked).toBe(true);
    const entry = purchases.pending.find(requestId);
    await until('it was looked up', () => entry !== undefined && purchases.isUndecided(entry));
    node.world.outcomes = away;
    expect((await get(requestId)).json().status).toBe('queued');
    node.world.outcomes = async () => [ordered()];
    purchases.hears(false);
    expect((await get(requestId)).json().status).toBe('ordered');
  });
});
