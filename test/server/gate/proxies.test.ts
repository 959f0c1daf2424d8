import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../contracts/config.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Which address counts for limits and lists when a request came through proxies. */

const SECRET = 'a-secret-that-only-the-proxies-of-the-shop-know';
const HOPS_1 = { TRUST_PROXY: '127.0.0.0/8,10.0.0.0/8', TRUST_PROXY_HOPS: '1' };
const HOPS_2 = { ...HOPS_1, TRUST_PROXY_HOPS: '2' };
const WITH_SECRET = { TRUST_PROXY: '127.0.0.0/8', TRUST_PROXY_SECRET: SECRET };

let node: WebNode;
afterEach(() => node?.close());

/** The answer to a visitor with these headers while one address is blocked. */
async function ask(
  environment: Record<string, string>,
  blocked: string,
  headers: Record<string, string>,
): Promise<string> {
  node = await openWebNode({ environment });
  node.world.blocked = [blocked];
  const answer = await node.app.inject({
    method: 'POST',
    url: '/api/v1/sales/demo/tickets',
    headers: { authorization: `Bearer ${node.tokenOf('ada')}`, ...headers },
    payload: { sku: 'TV' },
  });
  return answer.statusCode === 201 ? 'ticket' : answer.json().verdict;
}

describe('a blocked address', () => {
  it.each([
    '198.51.100.7',
    '198.51.100.7:40001',
    '::ffff:198.51.100.7',
    '::ffff:c633:6407',
    '[::ffff:c633:6407]:443',
  ])('is blocked when the proxy writes it as %s', async (written) => {
    const headers = { 'x-forwarded-for': written };
    expect(await ask(HOPS_1, '198.51.100.7', headers)).toBe('blocked');
  });

  it.each([
    ['addresses that the client has put in front are ignored', HOPS_1, '203.0.113.9, 198.51.100.7'],
    ['a second header is ignored', HOPS_1, '203.0.113.9,198.51.100.7'],
    ['a client within the trusted range is no proxy', HOPS_1, '203.0.113.9, 10.1.2.3'],
    ['two proxies write two addresses', HOPS_2, '203.0.113.9, 198.51.100.7, 10.0.0.1'],
    ['a client that avoids the first proxy', HOPS_2, '203.0.113.9, 198.51.100.7'],
    ['an invalid address is ignored', HOPS_1, '203.0.113.9, unknown'],
  ])('stays blocked: %s', async (_why, environment, written) => {
    const real = written.includes('unknown')
      ? '127.0.0.1'
      : (/198\.51\.100\.7|10\.1\.2\.3/.exec(written)?.[0] ?? '');
    const headers = { 'x-forwarded-for': written };
    expect(await ask(environment, real, headers)).toBe('blocked');
  });
});

describe('a proxy that has to send a secret', () => {
  const headers = { 'x-forwarded-for': '198.51.100.7' };

  it('is trusted with the secret', async () => {
    const known = { ...headers, 'x-proxy-secret': SECRET };
    expect(await ask(WITH_SECRET, '198.51.100.7', known)).toBe('blocked');
  });

  it.each([
    ['no', {}],
    ['another', { 'x-proxy-secret': SECRET.replace('a', 'b') }],
    ['a shorter', { 'x-proxy-secret': SECRET.slice(1) }],
  ])('is not trusted with %s secret', async (_which, given) => {
    expect(await ask(WITH_SECRET, '198.51.100.7', { ...headers, ...given })).toBe('ticket');
    await node.close();
    expect(await ask(WITH_SECRET, '127.0.0.1', { ...headers, ...given })).toBe('blocked');
  });
});

describe('the settings of proxies', () => {
  it.each([
    [{ TRUST_PROXY: '127.0.0.0/8' }, /TRUST_PROXY_SECRET/],
    [{ TRUST_PROXY_HOPS: '1' }, /need TRUST_PROXY/],
    [{ TRUST_PROXY_SECRET: SECRET }, /need TRUST_PROXY/],
  ])('are refused when they are incomplete: %j', async (environment, message) => {
    const opened = openWebNode({ environment: environment as Record<string, string> });
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toBeInstanceOf(ConfigError);
  });
});
