import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROBLEMS, type RefusalVerdict } from '../../server/problems.ts';
import { verdictMessage } from '../../server/public/js/messages.js';
import { openWebNode, rowOnSale, type WebNode } from '../server/web-node.ts';

/**
 * Every refusal of a purchase: what causes it, its status, its headers, what the page says, and that
 * it draws no quota. Causes are given as changes to a world in which everything else is well.
 */

const HOUR_MS = 3_600_000;

interface Press {
  ticket: string;
  user: string;
  headers: Record<string, string>;
  payload: string;
}

interface Case {
  readonly verdict: RefusalVerdict;
  readonly cause: string;
  readonly status: number;
  /** Seconds; none where waiting changes nothing. */
  readonly retryAfter?: readonly [min: number, max: number];
  readonly page: RegExp;
  readonly environment?: Readonly<Record<string, string>>;
  prepare(node: WebNode, press: Press): unknown;
}

const press = (node: WebNode, { ticket, user, headers, payload }: Press) =>
  node.app.inject({
    method: 'POST',
    url: `/api/v1/buy/${ticket}`,
    headers: {
      authorization: `Bearer ${node.tokenOf(user)}`,
      'content-type': 'application/json',
      ...headers,
    },
    payload,
  });

const pressOf = (node: WebNode, user = `user-${randomUUID()}`): Press => ({
  user,
  ticket: node.ticketOf(user),
  headers: {},
  payload: '{"quantity":1}',
});

const CASES: readonly Case[] = [
  {
    verdict: 'not_open',
    cause: 'the sale opens in an hour',
    status: 425,
    retryAfter: [3_500, 3_600],
    page: /opens by itself/,
    prepare(node) {
      node.world.row = rowOnSale({ opensAt: new Date(Date.now() + HOUR_MS) });
      return node.refresh();
    },
  },
  {
    verdict: 'closed',
    cause: 'the sale is over',
    status: 410,
    page: /sale has ended/i,
    prepare(node) {
      node.world.row = rowOnSale({ closesAt: new Date(Date.now() - 1) });
      return node.refresh();
    },
  },
  {
    verdict: 'closed',
    cause: 'the operator ended the SKU',
    status: 410,
    page: /sale has ended/i,
    prepare: ({ world }) => (world.state = 'closed'),
  },
  {
    verdict: 'paused',
    cause: 'the operator paused the SKU',
    status: 503,
    retryAfter: [5, 15],
    page: /stopped the sale for a moment/,
    prepare: ({ world }) => (world.state = 'paused'),
  },
  {
    verdict: 'sold_out',
    cause: 'no unit is free and none can come back',
    status: 410,
    page: /sold and paid for/,
    prepare(node) {
      node.world.row = rowOnSale({ free: 0, unpaidExists: false });
      return node.refresh();
    },
  },
  {
    verdict: 'shed',
    cause: 'chance',
    status: 429,
    retryAfter: [1, 4],
    page: /only a share/,
    prepare: ({ world }) => (world.keep = 0),
  },
  {
    verdict: 'shed',
    cause: 'the lottery',
    status: 429,
    retryAfter: [10, 20],
    page: /stays the same however often/,
    prepare: ({ world }) => Object.assign(world, { keep: 0, shed: 'lottery' }),
  },
  ...(['event_loop', 'queue', 'unconfirmed'] as const).map(
    (pressure): Case => ({
      verdict: 'overloaded',
      cause: `${pressure} past its threshold`,
      status: 503,
      retryAfter: [2, 6],
      page: /was not taken/,
      prepare: ({ world }) => (world.pressure = pressure),
    }),
  ),
  {
    verdict: 'overloaded',
    cause: 'a broker that is blocked or away',
    status: 503,
    retryAfter: [2, 6],
    page: /was not taken/,
    prepare: ({ world }) => (world.brokerAvailable = false),
  },
  {
    verdict: 'overloaded',
    cause: 'a publish that was refused',
    status: 503,
    retryAfter: [2, 6],
    page: /was not taken/,
    prepare: ({ world }) => (world.publish = 'refused'),
  },
  {
    verdict: 'overloaded',
    cause: 'a circuit that five refused publishes have opened',
    status: 503,
    retryAfter: [2, 6],
    page: /was not taken/,
    async prepare(node) {
      node.world.publish = 'refused';
      for (let i = 0; i < 5; i += 1) await press(node, pressOf(node));
      node.world.publish = 'confirmed';
    },
  },
  {
    verdict: 'rate_limited',
    cause: 'too many presses of one user',
    status: 429,
    retryAfter: [1, 3],
    page: /more requests/,
    environment: { RATE_LIMIT_USER_PER_SECOND: '1' },
    prepare: (node, mine) => press(node, { ...mine, payload: '{}' }),
  },
  {
    verdict: 'rate_limited',
    cause: 'too many presses with one ticket',
    status: 429,
    retryAfter: [1, 3],
    page: /more requests/,
    environment: { RATE_LIMIT_TICKET_PER_SECOND: '1' },
    prepare: (node, mine) => press(node, { ...mine, payload: '{}' }),
  },
  {
    verdict: 'rate_limited',
    cause: 'too many presses of one address',
    status: 429,
    retryAfter: [1, 3],
    page: /more requests/,
    environment: { RATE_LIMIT_IP_PER_SECOND: '1' },
    prepare: (node) => press(node, pressOf(node)),
  },
  {
    verdict: 'cooldown',
    cause: 'an admitted request a moment ago',
    status: 429,
    retryAfter: [1, 10],
    page: /./,
    async prepare(node, mine) {
      const first = await press(node, { ...mine, ticket: node.ticketOf(mine.user) });
      expect(first.statusCode).toBe(202);
    },
  },
  {
    verdict: 'quota_spent',
    cause: 'a grant that is spent',
    status: 429,
    retryAfter: [1, 4],
    page: /not sold out/,
    prepare: ({ world }) => (world.quota = 0),
  },
  {
    verdict: 'quota_unavailable',
    cause: 'a node without a session',
    status: 503,
    retryAfter: [2, 6],
    page: /./,
    prepare: ({ world }) => (world.quota = 'cut off'),
  },
  ...Object.entries({
    'that is none': () => 'none',
    'of an unknown SKU': (node: WebNode) => node.ticketOf('x').replace(/^TV/, 'Car'),
    'of somebody else': (node: WebNode) => node.ticketOf('somebody-else'),
    'that has run out': (node: WebNode, { user }: Press) => node.ticketOf(user, Date.now() - 1),
    'with a flipped bit': (_node: WebNode, { ticket }: Press) =>
      ticket.slice(0, -1) + (ticket.endsWith('A') ? 'Q' : 'A'),
  }).map(
    ([cause, forge]): Case => ({
      verdict: 'ticket_invalid',
      cause: `a ticket ${cause}`,
      status: 403,
      page: /next press gets a new one/,
      prepare: (node, mine) => (mine.ticket = forge(node, mine)),
    }),
  ),
  ...[
    ['user', ({ user }: Press) => user],
    ['address', () => '127.0.0.1'],
    ['agent', () => 'evil'],
  ].map(
    ([what, of]): Case => ({
      verdict: 'blocked',
      cause: `a list with the ${what}`,
      status: 403,
      page: /excluded/,
      prepare(node, mine) {
        mine.headers['user-agent'] = 'evil';
        node.world.blocked.push((of as (press: Press) => string)(mine));
      },
    }),
  ),
  ...['{"quantity":0}', '{"quantity":1e9}', '{"quantity":2}', '[]', '{', ''].map(
    (payload): Case => ({
      verdict: 'bad_request',
      cause: `the body ${payload}`,
      status: 400,
      page: /./,
      prepare: (_node, mine) => (mine.payload = payload),
    }),
  ),
  {
    verdict: 'bad_request',
    cause: 'an Idempotency-Key that is no UUID',
    status: 400,
    page: /./,
    prepare: (_node, mine) => (mine.headers['idempotency-key'] = 'mine'),
  },
];

describe('the refusals of a purchase', () => {
  let node: WebNode;
  beforeEach(async () => {
    node = await openWebNode();
  });
  afterEach(() => node.close());

  it('are all in this table', () => {
    const further = [
      'unauthenticated',
      'not_found',
      'not_allowed_now',
      'units_available',
      'limit_reached',
      'line_full',
      'internal_error',
    ];
    const refusals = Object.keys(PROBLEMS).filter((verdict) => !further.includes(verdict));
    expect([...new Set(CASES.map(({ verdict }) => verdict))].sort()).toEqual(refusals.sort());
  });

  it.each(CASES.map((one) => [one.verdict, one.cause, one] as const))(
    '%s: %s',
    async (verdict, _cause, { status, retryAfter, page, environment, prepare }) => {
      if (environment !== undefined) {
        await node.close();
        node = await openWebNode({ environment });
      }
      const mine = pressOf(node);
      await prepare(node, mine);
      const { drawn } = node.world;
      const published = node.world.published.length;
      const answer = await press(node, mine);
      expect(answer.json()).toMatchObject({ verdict, status, type: 'about:blank' });
      expect(answer.statusCode).toBe(status);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
      });
      const seconds = answer.headers['retry-after'];
      if (retryAfter === undefined) expect(seconds).toBeUndefined();
      else {
        expect(Number(seconds)).toBeGreaterThanOrEqual(retryAfter[0]);
        expect(Number(seconds)).toBeLessThanOrEqual(retryAfter[1]);
      }
      // No quota: nothing drawn is left, and only what was drawn and failed was ever published.
      expect(node.world.drawn).toBe(drawn);
      if (node.world.publish === 'confirmed') expect(node.world.published).toHaveLength(published);
      // The page: a sentence, and "sold out" for that verdict alone.
      const { title, text, again } = verdictMessage(verdict, answer.json().reason);
      expect(`${title}. ${text}`).toMatch(page);
      if (retryAfter !== undefined) expect(again).not.toBe('never');
      if (verdict !== 'sold_out') {
        expect(title).not.toMatch(/sold out/i);
        expect(JSON.stringify(answer.json()).replace('not sold out', '')).not.toMatch(/sold.out/i);
      }
      expect(await node.context.metrics.text()).toContain(`{verdict="${verdict}"`);
    },
  );

  it('draw Retry-After at random, so that the refused do not come back together', async () => {
    node.world.keep = 0;
    const drawn = new Set<unknown>();
    for (let i = 0; i < 60; i += 1) {
      drawn.add((await press(node, pressOf(node))).headers['retry-after']);
    }
    expect(drawn.size).toBe(4);
  });

  it('never take back what was taken: the same request is answered as before', async () => {
    const mine = pressOf(node);
    const first = await press(node, mine);
    expect(first.statusCode).toBe(202);
    Object.assign(node.world, { keep: 0, state: 'paused', quota: 0, brokerAvailable: false });
    const again = await press(node, mine);
    expect([again.statusCode, again.json()]).toEqual([202, first.json()]);
    expect(node.world.drawn).toBe(1);
  });

  it('leave a ticket usable when its request was not taken, and use it up when it was', async () => {
    const mine = pressOf(node);
    node.world.publish = 'refused';
    expect((await press(node, mine)).json().verdict).toBe('overloaded');
    node.world.publish = 'confirmed';
    expect((await press(node, mine)).statusCode).toBe(202);
    node.context.gate.undo('another ticket', mine.user);
    mine.headers['idempotency-key'] = randomUUID();
    expect((await press(node, mine)).json().verdict).toBe('ticket_invalid');
    expect(node.world.drawn).toBe(1);
  });

  it('say "sold out" while nothing may come back, and only then', async () => {
    for (const row of [
      { free: 0, unpaidExists: true },
      { free: 1, unpaidExists: false },
    ]) {
      node.world.row = rowOnSale(row);
      await node.refresh();
      node.world.quota = 0;
      expect((await press(node, pressOf(node))).json().verdict).toBe('quota_spent');
    }
  });
});

describe('a request that comes again while its first copy is under way', () => {
  it('does not get past the gate on the other’s account when that was not taken', async () => {
    const node = await openWebNode();
    const { promise, resolve } = Promise.withResolvers<'refused'>();
    node.world.publish = promise;
    const mine = { ...pressOf(node), headers: { 'idempotency-key': randomUUID() } };
    const first = press(node, mine);
    while (node.world.drawn === 0) await new Promise(setImmediate);
    // The same key with a forged ticket; its body comes when the first copy has been refused.
    const forged = {
      ...mine,
      ticket: mine.ticket.slice(0, -2) + (mine.ticket.endsWith('AA') ? 'QQ' : 'AA'),
    };
    const second = press(node, forged);
    resolve('refused');
    expect((await first).json().verdict).toBe('overloaded');
    expect((await second).statusCode).not.toBe(202);
    expect(node.world.drawn).toBe(0);
    await node.close();
  });
});
