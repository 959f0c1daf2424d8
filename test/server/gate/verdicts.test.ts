import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatabaseError } from '../../../db/client/errors.ts';
import { PROBLEMS } from '../../../server/http/problems.ts';
import { openWebNode, rowOnSale, type WebNode } from '../web-node.ts';
import { type Press, press, pressOf } from './press.ts';
import { expectRefusal, KINDS, RATES, type Refusal } from './refusals.ts';

/**
 * Every refusal of a purchase: its cause, status, headers and message, and that it draws no quota.
 * A cause is a change to a world in which everything else is right.
 */

const HOUR_MS = 3_600_000;

interface Case extends Refusal {
  prepare(node: WebNode, press: Press): unknown;
}

const CASES: readonly Case[] = [
  {
    ...KINDS.not_open,
    cause: 'the sale opens in an hour',
    prepare(node) {
      node.world.row = rowOnSale({ opensAt: new Date(Date.now() + HOUR_MS) });
      return node.refresh();
    },
  },
  {
    ...KINDS.closed,
    cause: 'the sale is over',
    prepare(node) {
      node.world.row = rowOnSale({ closesAt: new Date(Date.now() - 1) });
      return node.refresh();
    },
  },
  {
    ...KINDS.closed,
    cause: 'the operator ended the SKU',
    prepare: ({ world }) => (world.state = 'closed'),
  },
  {
    ...KINDS.paused,
    cause: 'the operator paused the SKU',
    prepare: ({ world }) => (world.state = 'paused'),
  },
  {
    ...KINDS.quota_unavailable,
    cause: "the operators' switch was not read yet",
    prepare: ({ world }) => Object.assign(world, { state: 'paused', knowsState: false }),
  },
  {
    ...KINDS.sold_out,
    cause: 'no unit is free and none can come back',
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
      ...KINDS.overloaded,
      cause: `${pressure} past its threshold`,
      prepare: ({ world }) => (world.pressure = pressure),
    }),
  ),
  {
    ...KINDS.overloaded,
    cause: 'a broker that is blocked or away',
    prepare: ({ world }) => (world.brokerAvailable = false),
  },
  {
    ...KINDS.overloaded,
    cause: 'a publish that was refused',
    prepare: ({ world }) => (world.publish = 'refused'),
  },
  {
    ...KINDS.overloaded,
    cause: 'a circuit that five refused publishes have opened',
    async prepare(node) {
      node.world.publish = 'refused';
      for (let i = 0; i < 5; i += 1) await press(node, pressOf(node));
      node.world.publish = 'confirmed';
    },
  },
  {
    ...KINDS.rate_limited,
    cause: 'too many presses of one user',
    options: RATES.user,
    prepare: (node, mine) => press(node, { ...mine, payload: '{}' }),
  },
  {
    ...KINDS.rate_limited,
    cause: 'too many presses with one ticket',
    options: RATES.ticket,
    prepare: (node, mine) => press(node, { ...mine, payload: '{}' }),
  },
  {
    ...KINDS.rate_limited,
    cause: 'too many presses of one address',
    options: RATES.address,
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
    ...KINDS.quota_unavailable,
    cause: 'a node without a session',
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
      page: /to get a new one/,
      prepare: (node, mine) => (mine.ticket = forge(node, mine)),
    }),
  ),
  {
    verdict: 'status_unavailable',
    cause: 'a ticket that has run out, with a key that cannot be looked up',
    status: 503,
    retryAfter: [2, 6],
    page: /cannot look up/,
    prepare(node, mine) {
      mine.ticket = node.ticketOf(mine.user, Date.now() - 1);
      mine.headers['idempotency-key'] = randomUUID();
      node.world.outcomes = async () => {
        throw new DatabaseError('unavailable', 'the database is away');
      };
    },
  },
  ...[
    ['user', ({ user }: Press) => user],
    ['address', () => '127.0.0.1'],
    ['agent', () => 'evil'],
  ].map(
    ([what, of]): Case => ({
      ...KINDS.blocked,
      cause: `a list with the ${what}`,
      prepare(node, mine) {
        mine.headers['user-agent'] = 'evil';
        node.world.blocked.push((of as (press: Press) => string)(mine));
      },
    }),
  ),
  ...['{"quantity":0}', '{"quantity":1e9}', '{"quantity":2}', '[]', '{', ''].map(
    (payload): Case => ({
      ...KINDS.bad_request,
      cause: `the body ${payload}`,
      prepare: (_node, mine) => (mine.payload = payload),
    }),
  ),
  {
    ...KINDS.bad_request,
    cause: 'an Idempotency-Key that is no UUID',
    prepare: (_node, mine) => (mine.headers['idempotency-key'] = 'mine'),
  },
];

it('the refusals of a purchase are all in this table', () => {
  const further = [
    'unauthenticated',
    'not_found',
    'not_allowed_now',
    'units_available',
    'limit_reached',
    'line_full',
    'no_waitlist',
    'internal_error',
  ];
  const refusals = Object.keys(PROBLEMS).filter((verdict) => !further.includes(verdict));
  expect([...new Set(CASES.map(({ verdict }) => verdict))].sort()).toEqual(refusals.sort());
});

describe('the refusals of a purchase', () => {
  let node: WebNode;
  // The clocks stand still, so that a slow machine gives nobody another second of a limit.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
  afterEach(async () => {
    vi.useRealTimers();
    await node.close();
  });

  it.each(CASES.map((one) => [one.verdict, one.cause, one] as const))(
    '%s: %s',
    async (verdict, _cause, one) => {
      node = await openWebNode(one.options);
      const mine = pressOf(node);
      await one.prepare(node, mine);
      const { drawn } = node.world;
      const published = node.world.published.length;
      expectRefusal(await press(node, mine), one);
      // Quota: nothing stays drawn, and a message is published only for a request that was drawn
      // and then failed.
      expect(node.world.drawn).toBe(drawn);
      if (node.world.publish === 'confirmed') expect(node.world.published).toHaveLength(published);
      expect(await node.context.metrics.text()).toContain(`{verdict="${verdict}"`);
    },
  );

  it('have a random Retry-After, so that refused shoppers do not all return at once', async () => {
    node = await openWebNode();
    node.world.keep = 0;
    const drawn = new Set<unknown>();
    // A value in this range fails to appear once in a million million runs.
    for (let i = 0; i < 100; i += 1) {
      drawn.add((await press(node, pressOf(node))).headers['retry-after']);
    }
    expect(drawn.size).toBe(4);
  });

  it('are "sold out" only when no unit may come back', async () => {
    node = await openWebNode();
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
