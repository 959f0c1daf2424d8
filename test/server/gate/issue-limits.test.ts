import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { STRIPE_ENVIRONMENT } from '../secrets.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Tickets, challenges and guest identities are limited by address. */

let node: WebNode;
// The clocks stand still, so that a slow machine gives nobody another second of a limit.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(async () => {
  vi.useRealTimers();
  await node.close();
});

const ISSUERS = [
  ['tickets', '/api/v1/sales/demo/tickets', { sku: 'TV' }],
  ['guests', '/api/v1/demo/guest', undefined],
] as const;

describe.each(ISSUERS)('%s', (_name, url, payload) => {
  const ask = (user: string, forwardedFor?: string) =>
    node.app.inject({
      method: 'POST',
      url,
      headers: {
        authorization: `Bearer ${node.tokenOf(user)}`,
        ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
      },
      ...(payload && { payload }),
    });

  it('are limited by address, whoever asks, with a verdict', async () => {
    node = await openWebNode({ environment: { RATE_LIMIT_IP_PER_SECOND: '3' } });
    for (let i = 0; i < 3; i += 1) expect((await ask(`user-${i}`)).statusCode).toBe(201);
    const refused = await ask('one-more', '198.51.100.9');
    expect(refused.json()).toMatchObject({ verdict: 'rate_limited', status: 429 });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    // Presses have a separate bucket.
    const press = await node.app.inject({
      method: 'POST',
      url: `/api/v1/buy/${node.ticketOf('ada')}`,
      headers: { authorization: `Bearer ${node.tokenOf('ada')}` },
      payload: { quantity: 1 },
    });
    expect(press.statusCode).toBe(202);
  });

  it('are limited before the user is identified', async () => {
    node = await openWebNode({ environment: { RATE_LIMIT_IP_PER_SECOND: '1' } });
    const stranger = () =>
      node.app.inject({ method: 'POST', url, headers: { authorization: 'Bearer x' } });
    await stranger();
    expect((await stranger()).json().verdict).toBe('rate_limited');
  });

  it("are limited by the client's address behind a trusted proxy", async () => {
    const environment = {
      RATE_LIMIT_IP_PER_SECOND: '1',
      TRUST_PROXY: '127.0.0.0/8',
      TRUST_PROXY_HOPS: '1',
    };
    node = await openWebNode({ environment });
    for (let i = 1; i < 5; i += 1) {
      expect((await ask(`user-${i}`, `198.51.100.${i}`)).statusCode).toBe(201);
    }
  });
});

it("the payment page is limited by user, because the provider's limit counts the calls of the whole shop", async () => {
  node = await openWebNode({
    environment: {
      RATE_LIMIT_USER_PER_SECOND: '2',
      ...STRIPE_ENVIRONMENT,
    },
  });
  const press = async (user: string) => {
    const headers = { authorization: `Bearer ${node.tokenOf(user)}` };
    const url = '/api/v1/orders/2/checkout';
    return (await node.app.inject({ method: 'POST', url, headers })).json().verdict;
  };
  const verdicts = [await press('ada'), await press('ada'), await press('ada')];
  // Here the database cannot answer for the order.
  expect(verdicts).toEqual(['internal_error', 'internal_error', 'rate_limited']);
  expect(await press('ben')).toBe('internal_error');
});
