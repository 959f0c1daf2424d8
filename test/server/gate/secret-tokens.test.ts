import { createHmac } from 'node:crypto';
import { createSigner } from 'fast-jwt';
import { afterEach, describe, expect, it } from 'vitest';
import { openWebNode, type WebNode } from '../web-node.ts';

/** Tokens that are signed with a secret of the shop, which may sign other tokens as well. */

const SECRET = 'a secret that is long enough for HS256';
const shop = { JWT_AUDIENCE: 'https://sale.example', JWT_ISSUER: 'https://login.example' };
let node: WebNode;
afterEach(() => node.close());

const open = async (environment: Record<string, string>) => {
  node = await openWebNode({ environment, jwtSecret: SECRET });
};

async function statusOf(claims: object, header: { typ?: string } = {}) {
  const sign = createSigner({ key: SECRET, header: { alg: 'HS256', typ: 'JWT', ...header } });
  return statusOfToken(sign({ sub: 'ann', exp: inSeconds(600), ...claims }));
}

async function statusOfToken(token: string) {
  const answer = await node.app.inject({
    method: 'POST',
    url: '/api/v1/sales/demo/tickets',
    headers: { authorization: `Bearer ${token}` },
    payload: { sku: 'TV' },
  });
  return answer.statusCode;
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

describe('a shop with an audience', () => {
  const mine = { aud: shop.JWT_AUDIENCE, iss: shop.JWT_ISSUER };

  it('accepts tokens for its audience, and no others', async () => {
    await open(shop);
    expect(await statusOf(mine)).toBe(201);
    expect(await statusOf({ ...mine, aud: ['else', mine.aud] })).toBe(201);
    for (const claims of [
      {},
      { aud: mine.aud },
      { iss: mine.iss },
      { ...mine, aud: 'https://else.example' },
      { ...mine, iss: 'https://else.example' },
    ]) {
      expect(await statusOf(claims), JSON.stringify(claims)).toBe(401);
    }
  });

  it('has guests like any other shop', async () => {
    await open(shop);
    const guest = await node.app.inject({ method: 'POST', url: '/api/v1/demo/guest' });
    expect(await statusOfToken(guest.json().token)).toBe(201);
  });
});

it('a signed token with a time that no calendar has is refused, also where a lottery sheds', async () => {
  await open({});
  Object.assign(node.world, { shed: 'lottery', keep: 0.5 });
  await node.refresh();
  // Microseconds in place of seconds.
  const nbf = inSeconds(600) * 1_000_000;
  expect(await statusOf({ nbf })).toBe(401);
  const text = [
    { alg: 'HS256', typ: 'JWT' },
    { sub: 'ann', exp: inSeconds(600), nbf },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const mac = createHmac('sha256', SECRET).update(text).digest('base64url');
  expect(node.context.identity.userOf(`Bearer ${text}.${mac}`)).toBeUndefined();
});

it('a shop without an audience accepts no token that names one', async () => {
  await open({});
  expect(await statusOf({})).toBe(201);
  expect(await statusOf({ aud: 'password-reset' })).toBe(401);
  expect(await statusOf({ aud: [] })).toBe(401);
});

it('a token may be wrong by seconds, not by minutes, because clocks differ', async () => {
  await open({});
  for (const claims of [{ iat: inSeconds(3) }, { nbf: inSeconds(3) }, { exp: inSeconds(-2) }]) {
    expect(await statusOf(claims), JSON.stringify(claims)).toBe(201);
  }
  for (const claims of [{ iat: inSeconds(60) }, { nbf: inSeconds(60) }, { exp: inSeconds(-6) }]) {
    expect(await statusOf({ ...claims, sub: 'bob' }), JSON.stringify(claims)).toBe(401);
  }
});

it('a token of another type is refused', async () => {
  await open({});
  expect(await statusOf({}, { typ: 'secevent+jwt' })).toBe(401);
});
