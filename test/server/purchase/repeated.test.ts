import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestOutcome } from '../../../db/calls.ts';
import { DatabaseError } from '../../../db/client/errors.ts';
import { type Press, press, pressOf } from '../gate/press.ts';
import { openWebNode, rowOnSale, type WebNode } from '../web-node.ts';

/**
 * A purchase that is repeated with the same Idempotency-Key at a node that does not remember it.
 */

const HOUR_MS = 3_600_000;
const AWAY = new DatabaseError('unavailable', 'the database is away');

let node: WebNode;
let mine: Press;
let key: string;
/** The answer of the database about any request. */
let outcome: Partial<RequestOutcome>;
let looked: number;

beforeEach(async () => {
  node = await openWebNode();
  key = randomUUID();
  mine = { ...pressOf(node), headers: { 'idempotency-key': key } };
  outcome = {};
  looked = 0;
  node.world.outcomes = async () => {
    looked += 1;
    const order = { orderNo: '42', amount: '1.00', currency: 'EUR', payBefore: new Date() };
    const known = { requestId: key, userId: mine.user, sale: 'demo', sku: 'TV', units: 1 };
    const rest = { status: 'paid' as const, reason: null, decidedAt: new Date() };
    return [{ ...known, ...order, ...rest, ...outcome }];
  };
});
afterEach(() => node.close());

const expire = () => {
  mine.ticket = node.ticketOf(mine.user, Date.now() - HOUR_MS);
};

const CASES: readonly [string, () => unknown][] = [
  ['its ticket ran out', expire],
  [
    'the ticket keys were revoked',
    async () => {
      node.world.ticketKeys = node.world.ticketKeys.map((one) => ({ ...one, isRevoked: true }));
      node.world.ticketEpoch += 1;
      const [first] = node.world.ticketKeys;
      const fresh = { id: 2, key: Buffer.alloc(32, 7), retiredAt: undefined, isRevoked: false };
      node.world.ticketKeys = [...(first ? [first] : []), fresh];
      await node.refresh();
    },
  ],
  ['the SKU is closed', () => (node.world.state = 'closed')],
  ['the SKU is paused', () => (node.world.state = 'paused')],
  [
    'everything is sold',
    () => {
      node.world.row = rowOnSale({ free: 0 });
      return node.refresh();
    },
  ],
  ['presses are shed', () => (node.world.keep = 0)],
  ['presses are shed by lottery', () => Object.assign(node.world, { keep: 0, shed: 'lottery' })],
  ['the node is under pressure', () => (node.world.pressure = 'queue')],
  ['the quota is spent', () => (node.world.quota = 0)],
  ['the quota is not known', () => (node.world.quota = 'cut off')],
  [
    'the user pressed for something else a moment ago',
    async () => {
      expect((await press(node, { ...pressOf(node, mine.user) })).statusCode).toBe(202);
      node.world.quota = 1_000;
    },
  ],
];

describe('a repeated purchase', () => {
  it.each(CASES)('is answered as before although %s', async (_why, prepare) => {
    const first = await (async () => {
      const other = await openWebNode({
        ticketKey: node.ticketKey,
        ...('secret' in node.config.identity && { jwtSecret: node.config.identity.secret }),
      });
      const answer = await press(other, mine);
      await other.close();
      return answer;
    })();
    expect(first.statusCode).toBe(202);
    await prepare();
    const { drawn } = node.world;
    const again = await press(node, mine);
    expect([again.statusCode, again.json()]).toEqual([202, first.json()]);
    expect(node.world.drawn).toBe(drawn);
  });

  it('is recognized when its key is in capital letters', async () => {
    mine.headers = { 'idempotency-key': key.toUpperCase() };
    node.world.state = 'closed';
    expect((await press(node, mine)).statusCode).toBe(202);
  });

  it.each([
    ['its ticket ran out', 10, -HOUR_MS],
    ['its ticket, of a long life, is a minute old', 3_600, HOUR_MS - 60_000],
  ])(
    'is refused with the actual error, and not with a final verdict, when %s',
    async (_why, ttl, leftMs) => {
      const other = await openWebNode({ environment: { TICKET_TTL_SECONDS: String(ttl) } });
      other.world.state = 'closed';
      const url = `/api/v1/buy/${other.ticketOf(mine.user, Date.now() + leftMs)}`;
      const headers = { 'idempotency-key': key };
      const stranger = await other.app.inject({ method: 'POST', url, headers, payload: {} });
      expect(stranger.json().verdict).toBe('unauthenticated');
      await other.close();
    },
  );

  it.each([
    ['the request is another user’s', () => (outcome = { userId: 'somebody else' }), 403],
    ['it was for another SKU', () => (outcome = { sku: 'Phone' }), 400],
    ['it was for more units', () => (outcome = { units: 2 }), 400],
    ['the user is blocked', () => node.world.blocked.push(mine.user), 403],
    ['nobody knows it', () => (node.world.outcomes = async () => []), 403],
  ])('is refused when %s', async (_why, prepare, status) => {
    expire();
    prepare();
    const answer = await press(node, mine);
    expect(answer.statusCode).toBe(status);
    expect(node.world.drawn).toBe(0);
  });

  it('that ended without an order is answered whatever its quantity', async () => {
    expire();
    outcome = { orderNo: null, units: 0, status: 'sold_out' };
    expect((await press(node, mine)).statusCode).toBe(202);
  });

  it('is recognized when its order has fewer units than it asked for', async () => {
    expire();
    mine.payload = '{"quantity":3,"acceptFewer":true}';
    outcome = { units: 2 };
    expect((await press(node, mine)).statusCode).toBe(202);
  });
});

describe('a press that may be a repetition', () => {
  it('gets no final verdict while the database is away', async () => {
    node.world.outcomes = async () => {
      throw AWAY;
    };
    expire();
    const answer = await press(node, mine);
    expect([answer.statusCode, answer.json().verdict]).toEqual([503, 'status_unavailable']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    mine = { ...mine, ticket: node.ticketOf(mine.user) };
    node.world.state = 'paused';
    expect((await press(node, mine)).json().verdict).toBe('paused');
    node.world.state = 'closed';
    expect((await press(node, mine)).json().verdict).toBe('status_unavailable');
  });

  it('is refused by the fast path first, whoever asks', async () => {
    node.world.state = 'closed';
    const url = `/api/v1/buy/${mine.ticket}`;
    const headers = { 'idempotency-key': key };
    const stranger = await node.app.inject({ method: 'POST', url, headers, payload: {} });
    expect(stranger.json().verdict).toBe('closed');
    expect(looked).toBe(0);
  });

  it('is looked up a few times for each user, and never without a key', async () => {
    node.world.outcomes = async () => {
      looked += 1;
      return [];
    };
    expire();
    const { ticket } = mine;
    expect((await press(node, { ...mine, headers: {} })).json().verdict).toBe('ticket_invalid');
    expect(looked).toBe(0);
    const answers: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      const headers = { 'idempotency-key': randomUUID() };
      answers.push((await press(node, { ...mine, ticket, headers })).json().verdict);
    }
    expect(answers.slice(0, 5)).toEqual(Array(5).fill('ticket_invalid'));
    // On a slow machine the budget grows by one each second.
    expect(answers).toContain('status_unavailable');
    expect(looked).toBe(answers.filter((verdict) => verdict === 'ticket_invalid').length);
  });
});
