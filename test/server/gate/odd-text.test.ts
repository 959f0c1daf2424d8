import { afterEach, beforeEach, describe, it } from 'vitest';
import { openWebNode, type WebNode } from '../web-node.ts';
import { expectRefusal, KINDS } from './refusals.ts';

/** Text that the router, the schemas or the database would stumble over. */

let node: WebNode;
beforeEach(async () => {
  node = await openWebNode();
});
afterEach(() => node.close());

const get = (url: string, user = 'ada') =>
  node.app.inject({ url, headers: { authorization: `Bearer ${node.tokenOf(user)}` } });

describe('an address that is none', () => {
  it.each([
    ['half a character', '/sales/%E0%A4%A', 400],
    ['300 letters', `/api/v1/sales/${'x'.repeat(300)}`, 414],
  ])('is refused like everything else: %s', async (_name, url, status) => {
    expectRefusal(await get(url), { ...KINDS.bad_request, cause: url, status });
  });
});

it('a leap second is a time like any other, and none that the shop knows', async () => {
  const answer = await get('/api/v1/orders?before=2016-12-31T23:59:60Z');
  expectRefusal(answer, { ...KINDS.bad_request, cause: 'a leap second' });
});

it.each(['\ud800', 'a\udc00b', 'nul\0'])(
  'nobody is %j: the database would take it for another',
  async (user) => {
    expectRefusal(await get('/api/v1/orders', user), { ...KINDS.unauthenticated, cause: user });
  },
);
