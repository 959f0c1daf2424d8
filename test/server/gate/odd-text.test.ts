import { afterEach, beforeEach, describe, it } from 'vitest';
import { openWebNode, type WebNode } from '../web-node.ts';
import { expectRefusal, KINDS } from './refusals.ts';

/** Texts that the router, the schemas or the database would fail on. */

let node: WebNode;
beforeEach(async () => {
  node = await openWebNode();
});
afterEach(() => node.close());

const get = (url: string, user = 'ada') =>
  node.app.inject({ url, headers: { authorization: `Bearer ${node.tokenOf(user)}` } });

describe('a malformed URL', () => {
  it.each([
    ['half a character', '/sales/%E0%A4%A', 400],
    ['300 letters', `/api/v1/sales/${'x'.repeat(300)}`, 414],
  ])('is refused like any other bad request: %s', async (_name, url, status) => {
    expectRefusal(await get(url), { ...KINDS.bad_request, cause: url, status });
  });
});

it('a leap second is refused as a bad request', async () => {
  const answer = await get('/api/v1/orders?before=2016-12-31T23:59:60Z');
  expectRefusal(answer, { ...KINDS.bad_request, cause: 'a leap second' });
});

it.each(['\ud800', 'a\udc00b', 'nul\0'])(
  'the user id %j is refused, because the database would take it for another one',
  async (user) => {
    expectRefusal(await get('/api/v1/orders', user), { ...KINDS.unauthenticated, cause: user });
  },
);
