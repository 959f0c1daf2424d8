import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openWebNode, rowOnSale, type WebNode } from '../web-node.ts';
import { expectRefusal, KINDS, RATES, type Refusal } from './refusals.ts';

/**
 * Every refusal of a ticket or a challenge: its cause, status, headers and message, and that it
 * draws nothing.
 */

const HOUR_MS = 3_600_000;

interface Asked {
  sale: string;
  user: string;
  token: string | undefined;
  payload: string;
}

interface Case extends Refusal {
  /** Whether only tickets are refused for it. */
  readonly isOfTickets?: true;
  prepare(node: WebNode, asked: Asked): unknown;
}

const PATHS = ['tickets', 'challenges'] as const;
type Path = (typeof PATHS)[number];

const ask = (node: WebNode, path: Path, { sale, token, payload }: Asked) =>
  node.app.inject({
    method: 'POST',
    url: `/api/v1/sales/${sale}/${path}`,
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    payload,
  });

async function setRow(node: WebNode, changes: Parameters<typeof rowOnSale>[0]): Promise<void> {
  node.world.row = rowOnSale(changes);
  await node.refresh();
}

const CASES: readonly Case[] = [
  {
    ...KINDS.not_open,
    cause: 'the sale opens in an hour',
    prepare: (node) => setRow(node, { opensAt: new Date(Date.now() + HOUR_MS) }),
  },
  {
    ...KINDS.closed,
    cause: 'the sale is over',
    prepare: (node) => setRow(node, { closesAt: new Date(Date.now() - 1) }),
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
    prepare: (node) => setRow(node, { free: 0, unpaidExists: false }),
  },
  {
    ...KINDS.not_found,
    cause: 'an unknown SKU',
    prepare: (_node, asked) => (asked.payload = '{"sku":"Car"}'),
  },
  {
    ...KINDS.not_found,
    cause: 'a SKU of another sale',
    prepare: (_node, asked) => (asked.sale = 'other'),
  },
  {
    ...KINDS.unauthenticated,
    cause: 'no token',
    prepare: (_node, asked) => (asked.token = undefined),
  },
  {
    ...KINDS.rate_limited,
    cause: 'too many of one address',
    options: RATES.address,
    prepare: (node, asked) => ask(node, 'tickets', { ...asked, token: undefined }),
  },
  {
    ...KINDS.rate_limited,
    cause: 'too many of one user',
    options: RATES.user,
    prepare: (node, asked) => ask(node, 'tickets', asked),
  },
  {
    ...KINDS.blocked,
    cause: 'a list with the user',
    prepare: (node, { user }) => node.world.blocked.push(user),
  },
  {
    ...KINDS.overloaded,
    cause: 'a ticket key that cannot be had yet',
    retryAfter: [1, 1],
    // The node was started before the opening, and the database still says "not open".
    options: { withoutTicketKeys: true },
    prepare() {},
  },
  ...[
    '{',
    '[]',
    '{"sku":"../x"}',
    '{"sku":"TV\\u0000"}',
    '{"sku":"TV\\r\\nx: y"}',
    '{"sku":"TV","__proto__":{"x":1}}',
    '{"sku":"TV","constructor":{"prototype":{}}}',
    '{"sku":"TV","further":1}',
    `{"sku":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  ].map(
    (payload): Case => ({
      ...KINDS.bad_request,
      cause: `the body ${payload.slice(0, 40)}`,
      prepare: (_node, asked) => (asked.payload = payload),
    }),
  ),
  {
    ...KINDS.bad_request,
    cause: 'a body of 1 MB',
    status: 413,
    prepare: (_node, asked) => (asked.payload = `{"sku":"${'x'.repeat(1_048_576)}"}`),
  },
  {
    verdict: 'ticket_invalid',
    cause: 'a challenge that is not solved',
    status: 403,
    page: /./,
    isOfTickets: true,
    prepare: ({ world }) => (world.challenge = { mode: 'on', factor: 1 }),
  },
  {
    verdict: 'ticket_invalid',
    cause: 'a challenge that is solved wrongly',
    status: 403,
    page: /./,
    isOfTickets: true,
    prepare({ world }, asked) {
      world.challenge = { mode: 'on', factor: 1 };
      asked.payload = '{"sku":"TV","challenge":"e30="}';
    },
  },
];

const TABLE = CASES.flatMap((one) =>
  PATHS.filter((path) => path === 'tickets' || !one.isOfTickets).map(
    (path) => [path, one.verdict, one.cause, one] as const,
  ),
);

describe('a refusal before a purchase', () => {
  let node: WebNode;
  // The clocks stand still, so that a slow machine gives nobody another second of a limit.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
  afterEach(async () => {
    vi.useRealTimers();
    await node.close();
  });

  it.each(TABLE)('%s: %s: %s', async (path, _verdict, _cause, one) => {
    node = await openWebNode(one.options);
    const user = 'ada';
    const token = node.tokenOf(user);
    const asked: Asked = { sale: 'demo', user, token, payload: '{"sku":"TV"}' };
    await one.prepare(node, asked);
    expectRefusal(await ask(node, path, asked), one);
    const counted = `{route="/api/v1/sales/:sale/${path}",verdict="${one.verdict}"`;
    expect(await node.context.metrics.text()).toContain(`flashsale_refusals_total${counted}`);
    expect(node.world.drawn).toBe(0);
    expect(node.world.published).toEqual([]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});
