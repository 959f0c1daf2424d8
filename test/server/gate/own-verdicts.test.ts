import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openWebNode, type WebNode, type WebNodeOptions } from '../web-node.ts';
import { expectRefusal, KINDS, RATES, type Refusal } from './refusals.ts';

/** Every refusal that a shopper can get when asking about their own requests and orders. */

const REQUEST = '/api/v1/requests/5f0d8c1e-9d0c-4c55-8a53-2f0d1c7e4b11';
const CALLS = [
  ['GET', '/api/v1/orders'],
  ['GET', '/api/v1/orders/7'],
  ['POST', '/api/v1/orders/7/cancel'],
  ['POST', '/api/v1/demo/orders/7/pay'],
  ['GET', REQUEST],
  ['GET', `${REQUEST}/events`],
] as const;
type Call = (typeof CALLS)[number];

const SECONDS_AT_ONCE = 5;
const PER_SECOND = 20;

let node: WebNode;
const open = async (options?: WebNodeOptions) => {
  node = await openWebNode(options);
};
// The clocks stand still, so that a slow machine gives nobody another second of a limit.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(async () => {
  vi.useRealTimers();
  await node.close();
});

const ask = ([method, url]: Call, authorization?: string) =>
  node.app.inject({ method, url, ...(authorization && { headers: { authorization } }) });
const as = (user: string) => `Bearer ${node.tokenOf(user)}`;
/** Uses a cheap call: without a database it fails at once. */
const askOften = async (user: string, times: number) => {
  const [, order] = CALLS;
  const answers = [];
  for (let n = 0; n < times; n += 1) answers.push((await ask(order, as(user))).json().verdict);
  return answers;
};

interface Case extends Refusal {
  /** The value of the `Authorization` header. */
  prepare(): Promise<string | undefined>;
}

const CASES: readonly Case[] = [
  { ...KINDS.unauthenticated, cause: 'no token', prepare: async () => undefined },
  {
    ...KINDS.rate_limited,
    cause: 'too many of one user, whatever is asked',
    options: RATES.own,
    async prepare() {
      await askOften('ada', SECONDS_AT_ONCE);
      return as('ada');
    },
  },
];

const TABLE = CASES.flatMap((one) =>
  CALLS.map((call) => [one.verdict, one.cause, call.join(' '), { one, call }] as const),
);

describe("a refusal of a call about one's own requests and orders", () => {
  it.each(TABLE)('has this verdict: %s: %s: %s', async (_verdict, _cause, _call, { one, call }) => {
    await open(one.options);
    expectRefusal(await ask(call, await one.prepare()), one);
  });

  it('is counted, on every route', async () => {
    await open();
    await node.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = node.app.server.address() as AddressInfo;
    for (const [method, url] of CALLS) {
      await (await fetch(`http://127.0.0.1:${port}${url}`, { method })).text();
    }
    const text = await node.context.metrics.text();
    const counts = [...text.matchAll(/^flashsale_refusals_total\{.*\} (\d+)$/gm)];
    expect(counts.map(([, count]) => Number(count)).reduce((a, b) => a + b)).toBe(CALLS.length);
    expect(text).toContain('{route="/api/v1/requests/:requestId",verdict="unauthenticated"');
  });

  it('of a user applies to no other user and to no press', async () => {
    await open(RATES.own);
    await askOften('ada', SECONDS_AT_ONCE + 1);
    expect(await askOften('ben', 1)).toEqual(['internal_error']);
    const press = await node.app.inject({
      method: 'POST',
      url: `/api/v1/buy/${node.ticketOf('ada')}`,
      headers: { authorization: as('ada') },
      payload: { quantity: 1 },
    });
    expect(press.statusCode).toBe(202);
  });

  it('happens to nobody on an allow list', async () => {
    await open();
    node.world.allowed.push('ada');
    const answers = await askOften('ada', 2 * SECONDS_AT_ONCE * PER_SECOND);
    expect(new Set(answers)).toEqual(new Set(['internal_error']));
  });

  it('does not happen to a shopper who reloads ten pages at once', async () => {
    await open();
    const ofOnePage = 2 + 3 + 3;
    const answers = await askOften('ada', 10 * ofOnePage);
    expect(new Set(answers)).toEqual(new Set(['internal_error']));
    expect(await askOften('ada', SECONDS_AT_ONCE * PER_SECOND)).toContain('rate_limited');
  });
});
