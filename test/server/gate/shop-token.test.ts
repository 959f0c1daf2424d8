import { createHmac, randomBytes } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import { expect, test } from 'vitest';
import { createGuestSigner } from '../../../server/gate/identity.ts';
import { isMacOf, macOf } from '../../../server/gate/mac.ts';
import { createShopTokenReader } from '../../../server/gate/shop-token.ts';
import fc from '../../properties.ts';

/** The fast path for the shop's own tokens accepts nothing that the library would refuse. */

const SECRET = randomBytes(32).toString('base64url');
const anybody = { audience: undefined, issuer: undefined };
const read = createShopTokenReader(SECRET, anybody);
const options = { key: SECRET, algorithms: ['HS256' as const], requiredClaims: ['sub', 'exp'] };
const verify = createVerifier(options);
const shop = { audience: 'this shop', issuer: 'login' };
const readOfShop = createShopTokenReader(SECRET, shop);
const verifyOfShop = createVerifier({
  ...options,
  requiredClaims: ['sub', 'exp', 'aud', 'iss'],
  allowedAud: shop.audience,
  allowedIss: shop.issuer,
});
const now = () => Math.floor(Date.now() / 1_000);

function tokenOf(header: unknown, payload: unknown, secret = SECRET): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function believed(token: string, by = verify): unknown {
  try {
    return (by(token) as { sub: unknown }).sub;
  } catch {
    return undefined;
  }
}

test('reads a token that the shop has signed as the library reads it', () => {
  const token = createGuestSigner(SECRET)('Zoë \u{1F6D2}');
  expect(read(token)?.sub).toBe('Zoë \u{1F6D2}');
  expect(believed(token)).toBe('Zoë \u{1F6D2}');
  expect(readOfShop(token)).toBeUndefined();
  const named = createGuestSigner(SECRET, shop)('Zoë \u{1F6D2}');
  expect(readOfShop(named)?.sub).toBe('Zoë \u{1F6D2}');
  expect(believed(named, verifyOfShop)).toBe('Zoë \u{1F6D2}');
  expect(read(named)).toBeUndefined();
});

test('accepts only tokens that the library accepts', () => {
  const claim = fc.constantFrom<[string, unknown]>(
    ['sub', 'ann'],
    ['sub', 7],
    ['exp', now() + 3_600],
    ['exp', now() - 1],
    ['exp', String(now() + 3_600)],
    ['exp', null],
    ['iat', now()],
    ['iat', 'yesterday'],
    ['nbf', now() + 600],
    ['aud', 'another shop'],
    ['aud', 'this shop'],
    ['aud', ['this shop', 'another shop']],
    ['aud', null],
    ['iss', 'login'],
    ['iss', 'Login'],
    ['__proto__', { sub: 'root' }],
  );
  const header = fc.constantFrom<unknown>(
    { alg: 'HS256', typ: 'JWT' },
    { typ: 'JWT', alg: 'HS256' },
    { alg: 'HS256' },
    { alg: 'none', typ: 'JWT' },
    { alg: 'HS512', typ: 'JWT' },
    { alg: 'HS256', typ: 'JWT', crit: ['exp'] },
  );
  const payload = fc.oneof(
    fc.array(claim, { maxLength: 5 }).map((claims) => Object.fromEntries(claims)),
    fc
      .array(claim, { maxLength: 2 })
      .map((claims) => ({ sub: 'ann', exp: now() + 60, ...Object.fromEntries(claims) })),
    fc.array(claim, { maxLength: 2 }).map((claims) => ({
      ...{ sub: 'ann', exp: now() + 60, aud: shop.audience, iss: shop.issuer },
      ...Object.fromEntries(claims),
    })),
    fc.constantFrom<unknown>(null, [], 'sub', 5),
  );
  const secret = fc.constantFrom(SECRET, SECRET, SECRET, 'another secret of the same sort');
  const good = { anybody: 0, shop: 0 };
  fc.assert(
    fc.property(header, payload, secret, (head, body, key) => {
      const token = tokenOf(head, body, key);
      const own = read(token);
      if (own !== undefined) {
        good.anybody += 1;
        expect(believed(token)).toBe(own.sub);
        expect(own).not.toHaveProperty('aud');
      }
      const ofShop = readOfShop(token);
      if (ofShop === undefined) return;
      good.shop += 1;
      expect(believed(token, verifyOfShop)).toBe(ofShop.sub);
    }),
    { numRuns: 3_000 },
  );
  expect(good.anybody, 'some are good').toBeGreaterThan(20);
  expect(good.shop, 'some are good').toBeGreaterThan(20);
});

test('leaves a signed text that is not a set of claims to the library, without an exception', () => {
  const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');
  for (const text of ['', 'hello', '{"sub":"ann"', '{"sub":"ann","exp":1e999', '\u0000']) {
    const signed = `${header}.${Buffer.from(text).toString('base64url')}`;
    const token = `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
    expect(read(token), text).toBeUndefined();
    expect(believed(token), text).toBeUndefined();
  }
});

test('accepts no token with a changed bit, another length or other letters', () => {
  const sign = createGuestSigner(SECRET);
  // A letter that base64 writes in another way.
  const users = Array.from({ length: 1_000 }, (_, index) => `ann-${index}`);
  const token = users.map(sign).find((one) => /-[^.]*$/.test(one)) ?? '';
  expect(read(token)).toBeDefined();
  for (let at = 0; at < token.length; at += 1) {
    for (const letter of ['A', 'b', '-', '.', '+', ' ', '\0']) {
      const other = token.slice(0, at) + letter + token.slice(at + 1);
      if (other !== token) expect(read(other)?.sub, other).toBeUndefined();
    }
  }
  for (const other of ['', '.', '..', `${token}.`, `${token}A`, token.slice(0, -1), `.${token}`]) {
    expect(read(other), other).toBeUndefined();
  }
});

test('compares a MAC as a whole, with its length', () => {
  const key = randomBytes(32);
  const mac = macOf(key, 'text', 16);
  expect(mac).toBe(
    createHmac('sha256', key).update('text').digest().subarray(0, 16).toString('base64url'),
  );
  expect(isMacOf(key, 'text', 16, mac)).toBe(true);
  expect(isMacOf(key, 'texts', 16, mac)).toBe(false);
  expect(isMacOf(randomBytes(32), 'text', 16, mac)).toBe(false);
  // A MAC of zeros with the right length, after a longer one that was right.
  expect(isMacOf(key, 'text', 32, macOf(key, 'text', 32))).toBe(true);
  expect(isMacOf(key, 'text', 16, 'A'.repeat(22))).toBe(false);
  for (const other of ['', mac.slice(1), `${mac}A`, `${mac.slice(1)}*`, `+${mac.slice(1)}`]) {
    expect(isMacOf(key, 'text', 16, other), other).toBe(other === mac);
  }
});
