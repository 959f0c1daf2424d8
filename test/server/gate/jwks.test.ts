import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from 'fast-jwt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeyReader } from '../../../server/gate/jwks.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Shoppers who are identified by the shop's JWKS, and their answers while that cannot be read. */

let shopKeys: Server;
let answer: RequestListener;
let asked: number;
let privateKey: KeyObject;
let keySet: object;
let node: WebNode;
let url: string;

beforeEach(async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  privateKey = pair.privateKey;
  keySet = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] };
  answer = (_request, response) => response.end(JSON.stringify(keySet));
  asked = 0;
  shopKeys = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => shopKeys.listen(0, '127.0.0.1', resolve));
  const { port } = shopKeys.address() as AddressInfo;
  url = `http://127.0.0.1:${port}/keys`;
  const environment = {
    JWT_SECRET: '',
    DEMO: 'false',
    PAYMENT_PROVIDER: 'standard',
    JWKS_URL: url,
    JWT_AUDIENCE: 'shop',
    JWT_ISSUER: 'login',
  };
  node = await openWebNode({ environment });
});

afterEach(async () => {
  vi.useRealTimers();
  await node.close();
  shopKeys.closeAllConnections();
  shopKeys.close();
});

function press(kid = 'k1', user = 'ada') {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const token = createSigner({ key: pem, algorithm: 'ES256', kid, expiresIn: 60_000 })({
    sub: user,
    aud: 'shop',
    iss: 'login',
  });
  return node.app.inject({
    method: 'POST',
    url: `/api/v1/buy/${node.ticketOf(user)}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    payload: '{"quantity":1}',
  });
}

describe('a token by JWKS', () => {
  it('is accepted when the set has its key, and refused when it has not', async () => {
    expect((await press()).statusCode).toBe(202);
    expect((await press('another', 'bob')).statusCode).toBe(401);
  });

  it('with an invented key costs the shop one request at most, and the real key stays known', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    expect((await press()).statusCode).toBe(202);
    const before = asked;
    for (let i = 0; i < 60; i += 1) {
      expect((await press(`invented-${i}`, `mal-${i}`)).statusCode).toBe(401);
    }
    expect(asked - before).toBeLessThanOrEqual(1);
    shopKeys.close();
    shopKeys.closeAllConnections();
    expect((await press('k1', 'bob')).statusCode).toBe(202);
  });

  it('is accepted with a key that the shop has added later', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    expect((await press()).statusCode).toBe(202);
    const [old] = (keySet as { keys: { kid: string }[] }).keys;
    keySet = {
      keys: [
        { kty: 'unheard-of', kid: 'k0' },
        { ...old, kid: 'k2' },
      ],
    };
    vi.advanceTimersByTime(5_000);
    expect((await press('k2', 'bob')).statusCode).toBe(202);
    // Only the present set counts, not earlier ones.
    expect((await press('k1', 'eve')).statusCode).toBe(401);
  });

  const outages: [string, () => unknown][] = [
    ['is down', () => shopKeys.close()],
    ['answers 500', () => (answer = (_, response) => response.writeHead(500).end('{}'))],
    ['answers garbage', () => (answer = (_, response) => response.end('<html>'))],
    ['has no keys', () => (answer = (_, response) => response.end('{"keys":[]}'))],
    ['says nothing', () => (answer = () => {})],
  ];
  it.each(outages)('is not called invalid when the shop %s: the answer is 503', async (_, fail) => {
    fail();
    const refused = await press();
    expect([refused.statusCode, refused.json().verdict]).toEqual([503, 'overloaded']);
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    expect(refused.body).not.toMatch(/token|sign in/i);
    expect(node.world.drawn).toBe(0);
    const ticket = await node.app.inject({
      method: 'POST',
      url: '/api/v1/sales/demo/tickets',
      headers: { authorization: 'Bearer a.b.c' },
      payload: { sku: 'TV' },
    });
    // Only a text that is clearly no token is refused: that needs no key.
    expect(ticket.statusCode).toBe(401);
  });

  it('causes only a few requests to the shop while the shop is down', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    answer = (_, response) => response.writeHead(503).end('{}');
    for (let i = 0; i < 20; i += 1) expect((await press()).statusCode).toBe(503);
    expect(asked).toBeLessThanOrEqual(6);
  });

  it('is accepted again when the shop is back, although the wall clock was set back', async () => {
    const read = createKeyReader(url);
    const works = answer;
    answer = (_, response) => response.writeHead(503).end('{}');
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    for (let i = 0; i < 6; i += 1) {
      await expect(read('ES256', 'k1')).rejects.toThrow('cannot be read');
    }
    expect(asked).toBe(5);
    answer = works;
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(2_000);
    expect(await read('ES256', 'k1')).toContain('PUBLIC KEY');
  });

  it('is answered with 503 in a lottery while the shop is down', async () => {
    Object.assign(node.world, { shed: 'lottery', keep: 0.5 });
    answer = (_, response) => response.writeHead(503).end('{}');
    expect((await press()).statusCode).toBe(503);
  });

  it('does not wait while the set is read again, and is checked by the new set afterwards', async () => {
    const read = createKeyReader(url);
    const pem = await read('ES256', 'k1');
    vi.useFakeTimers({ toFake: ['performance'] });
    const [old] = (keySet as { keys: object[] }).keys;
    keySet = { keys: [{ ...old, kid: 'k2' }] };
    vi.advanceTimersByTime(600_000);
    expect(await read('ES256', 'k1')).toBe(pem);
    // This call shares the request that is under way.
    expect(await read('ES256', 'k2')).toBe(pem);
    await expect(read('ES256', 'k1')).rejects.toThrow('no such key');
  });

  it('is checked by the remembered set while the shop is silent, for its lifetime once more', async () => {
    const read = createKeyReader(url);
    const pem = await read('ES256', 'k1');
    answer = () => {};
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(700_000);
    expect(await read('ES256', 'k1')).toBe(pem);
    vi.advanceTimersByTime(300_000);
    expect(await read('ES256', 'k1')).toBe(pem);
    vi.advanceTimersByTime(400_000);
    await expect(read('ES256', 'k1')).rejects.toThrow('cannot be read');
  });
});
