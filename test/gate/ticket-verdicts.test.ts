import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verdictMessage } from '../../server/public/js/messages.js';
import { openWebNode, rowOnSale, type WebNode } from '../server/web-node.ts';

/** Every refusal of a ticket and of a challenge: cause, status, headers, the page's words, no quota. */

const HOUR_MS = 3_600_000;

interface Asked {
  sale: string;
  user: string;
  token: string | undefined;
  payload: string;
}

interface Case {
  readonly verdict: string;
  readonly cause: string;
  readonly status: number;
  /** Seconds; none where waiting changes nothing. */
  readonly retryAfter?: readonly [min: number, max: number];
  readonly page: RegExp;
  readonly environment?: Readonly<Record<string, string>>;
  /** Only of tickets. */
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
    verdict: 'not_open',
    cause: 'the sale opens in an hour',
    status: 425,
    retryAfter: [3_500, 3_600],
    page: /opens by itself/,
    prepare: (node) => setRow(node, { opensAt: new Date(Date.now() + HOUR_MS) }),
  },
  {
    verdict: 'closed',
    cause: 'the sale is over',
    status: 410,
    page: /sale has ended/i,
    prepare: (node) => setRow(node, { closesAt: new Date(Date.now() - 1) }),
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
    prepare: (node) => setRow(node, { free: 0, unpaidExists: false }),
  },
  {
    verdict: 'not_found',
    cause: 'an unknown SKU',
    status: 404,
    page: /nothing at this address/,
    prepare: (_node, asked) => (asked.payload = '{"sku":"Car"}'),
  },
  {
    verdict: 'not_found',
    cause: 'a SKU of another sale',
    status: 404,
    page: /nothing at this address/,
    prepare: (_node, asked) => (asked.sale = 'other'),
  },
  {
    verdict: 'unauthenticated',
    cause: 'no token',
    status: 401,
    page: /sign in/i,
    prepare: (_node, asked) => (asked.token = undefined),
  },
  {
    verdict: 'rate_limited',
    cause: 'too many of one address',
    status: 429,
    retryAfter: [1, 3],
    page: /more requests/,
    environment: { RATE_LIMIT_IP_PER_SECOND: '1' },
    prepare: (node, asked) => ask(node, 'tickets', { ...asked, token: undefined }),
  },
  {
    verdict: 'rate_limited',
    cause: 'too many of one user',
    status: 429,
    retryAfter: [1, 3],
    page: /more requests/,
    environment: { RATE_LIMIT_USER_PER_SECOND: '1' },
    prepare: (node, asked) => ask(node, 'tickets', asked),
  },
  {
    verdict: 'blocked',
    cause: 'a list with the user',
    status: 403,
    page: /excluded/,
    prepare: (node, { user }) => node.world.blocked.push(user),
  },
  {
    verdict: 'overloaded',
    cause: 'a ticket key that cannot be had yet',
    status: 503,
    retryAfter: [1, 1],
    page: /was not taken/,
    async prepare(node) {
      // The node was started before the opening, and the database still says "not open".
      await node.close();
      Object.assign(node, await openWebNode({ withoutTicketKeys: true }));
    },
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
      verdict: 'bad_request',
      cause: `the body ${payload.slice(0, 40)}`,
      status: 400,
      page: /reload the page/i,
      prepare: (_node, asked) => (asked.payload = payload),
    }),
  ),
  {
    verdict: 'bad_request',
    cause: 'a body of 1 MB',
    status: 413,
    page: /reload the page/i,
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

describe('what is refused before a purchase', () => {
  let node: WebNode;
  beforeEach(async () => {
    node = await openWebNode();
  });
  afterEach(() => node.close());

  it.each(TABLE)('%s: %s: %s', async (path, verdict, _cause, one) => {
    const { status, retryAfter, page, environment, prepare } = one;
    if (environment !== undefined) {
      await node.close();
      node = await openWebNode({ environment });
    }
    const user = 'ada';
    const asked: Asked = { sale: 'demo', user, token: undefined, payload: '{"sku":"TV"}' };
    asked.token = node.tokenOf(user);
    await prepare(node, asked);
    // A node that was put in its place signs with another secret.
    if (asked.token !== undefined) asked.token = node.tokenOf(user);
    const answer = await ask(node, path, asked);
    expect(answer.json()).toMatchObject({ verdict, status, type: 'about:blank' });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/problem\+json/),
      'cache-control': 'no-store',
    });
    const seconds = answer.headers['retry-after'];
    if (retryAfter === undefined) expect(seconds).toBeUndefined();
    else {
      expect(Number(seconds)).toBeGreaterThanOrEqual(retryAfter[0]);
      expect(Number(seconds)).toBeLessThanOrEqual(retryAfter[1]);
    }
    expect(node.world.drawn).toBe(0);
    expect(node.world.published).toEqual([]);
    const { title, text, again } = verdictMessage(verdict, answer.json().reason);
    expect(`${title}. ${text}`).toMatch(page);
    if (retryAfter !== undefined) expect(again).not.toBe('never');
    if (verdict !== 'sold_out') expect(answer.body).not.toMatch(/sold.out/i);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});
