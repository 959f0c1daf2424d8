import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openWebNode, type WebNode } from '../web-node.ts';

/**
 * Which tokens are accepted when the shop's identity provider signs for many recipients: those for
 * this shop.
 */

const AUDIENCE = 'https://sale.example';
const ISSUER = 'https://login.example/';
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
const ed = generateKeyPairSync('ed25519');
const jwk = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), ...more });
const KEYS = [
  jwk(ec.publicKey, { kid: 'signs', alg: 'ES256', use: 'sig' }),
  jwk(ec.publicKey, { kid: 'plain' }),
  jwk(ec.publicKey, { kid: 'verifies', key_ops: ['verify'] }),
  jwk(ec.publicKey, { kid: 'encrypts', use: 'enc' }),
  jwk(ec.publicKey, { kid: 'wraps', key_ops: ['wrapKey', 'encrypt'] }),
  jwk(ec.publicKey, { kid: 'odd-operations', key_ops: 'verify' }),
  jwk(ec.privateKey, { kid: 'published', alg: 'ES256', use: 'sig' }),
  jwk(ec.publicKey, { kid: 7, alg: 'ES256' }),
  jwk(ec.publicKey, { alg: 'ES256' }),
  jwk(rsa.publicKey, { kid: 'rsa' }),
  jwk(rsa.publicKey, { kid: 'rsa-pss', alg: 'PS256' }),
  jwk(weak.publicKey, { kid: 'weak', alg: 'RS256' }),
  jwk(ed.publicKey, { kid: 'ed' }),
  { kty: 'oct', kid: 'shared', alg: 'HS256', k: Buffer.from('x'.repeat(32)).toString('base64url') },
  null,
  'a key',
];

let answer: RequestListener;
let shopKeys: Server;
let keysUrl: string;
let node: WebNode;
let users = 0;
const open = (url: string) =>
  openWebNode({
    environment: {
      JWT_SECRET: '',
      DEMO: 'false',
      PAYMENT_PROVIDER: 'standard',
      JWKS_URL: url,
      JWT_AUDIENCE: AUDIENCE,
      JWT_ISSUER: ISSUER,
    },
  });

beforeAll(async () => {
  shopKeys = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => shopKeys.listen(0, '127.0.0.1', resolve));
  keysUrl = `http://127.0.0.1:${(shopKeys.address() as AddressInfo).port}/keys`;
  answer = (_request, response) => response.end(JSON.stringify({ keys: KEYS }));
  node = await open(keysUrl);
});
beforeEach(() => {
  answer = (_request, response) => response.end(JSON.stringify({ keys: KEYS }));
});
afterAll(async () => {
  await node.close();
  shopKeys.closeAllConnections();
  shopKeys.close();
});

const seconds = () => Math.floor(Date.now() / 1_000);
const usual = () => ({ iss: ISSUER, aud: AUDIENCE, sub: `ann-${users}`, exp: seconds() + 600 });

interface Signing {
  readonly header?: object;
  readonly claims?: unknown;
  /** Makes the signature of the text. */
  readonly with?: (text: Buffer) => Buffer;
}

const es256 = (text: Buffer) =>
  sign('sha256', text, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
const rs256 = (key: KeyObject) => (text: Buffer) => sign('sha256', text, key);
const ps256 = (text: Buffer) =>
  sign('sha256', text, { key: rsa.privateKey, padding: 6, saltLength: 32 });

function tokenOf(signing: Signing): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { header = {}, claims = usual() } = signing;
  const text = `${part({ alg: 'ES256', kid: 'signs', ...header })}.${part(claims)}`;
  return `${text}.${(signing.with ?? es256)(Buffer.from(text)).toString('base64url')}`;
}

async function statusOf(token: string, of = node) {
  // The test asks for a ticket, because tickets check the identity before all rules of purchases.
  const answered = await of.app.inject({
    method: 'POST',
    url: '/api/v1/sales/demo/tickets',
    headers: { authorization: `Bearer ${token}` },
    payload: { sku: 'TV' },
  });
  return answered.statusCode;
}

const good: [string, () => Signing][] = [
  ['for this shop', () => ({})],
  ['for this shop among others', () => ({ claims: { ...usual(), aud: ['else', AUDIENCE] } })],
  ['with the type JWT', () => ({ header: { typ: 'JWT' } })],
  ['with the type of access tokens', () => ({ header: { typ: 'at+jwt' } })],
  ['with a type as it is spelled in full', () => ({ header: { typ: 'application/AT+JWT' } })],
  ['of a key that says nothing of its use', () => ({ header: { kid: 'plain' } })],
  ['of a key that verifies', () => ({ header: { kid: 'verifies' } })],
  ['RS256', () => ({ header: { alg: 'RS256', kid: 'rsa' }, with: rs256(rsa.privateKey) })],
  ['PS256', () => ({ header: { alg: 'PS256', kid: 'rsa-pss' }, with: ps256 })],
  [
    'EdDSA',
    () => ({
      header: { alg: 'EdDSA', kid: 'ed' },
      with: (text) => sign(null, text, ed.privateKey),
    }),
  ],
  ['active in 3 s', () => ({ claims: { ...usual(), nbf: seconds() + 3 } })],
  ['issued in 3 s', () => ({ claims: { ...usual(), iat: seconds() + 3 } })],
  ['over since 2 s', () => ({ claims: { ...usual(), exp: seconds() - 2 } })],
];

it.each(good)('a token %s is accepted', async (_name, signing) => {
  users += 1;
  expect(await statusOf(tokenOf(signing()))).toBe(201);
});

const without = (claim: string) => () => {
  const { [claim]: _, ...claims } = usual() as Record<string, unknown>;
  return { claims };
};
const withClaims = (claims: object) => () => ({ claims: { ...usual(), ...claims } });
const withHeader = (header: object) => () => ({ header });
const bad: [string, () => Signing][] = [
  ['for another shop', withClaims({ aud: 'https://shop.example' })],
  ['for others', withClaims({ aud: ['https://shop.example', `${AUDIENCE}/`] })],
  ['for nobody', withClaims({ aud: [] })],
  ['for a pattern', withClaims({ aud: { test: AUDIENCE } })],
  ['for this shop and a number', withClaims({ aud: [AUDIENCE, 7] })],
  ['that names no audience', without('aud')],
  ['of another issuer', withClaims({ iss: 'https://login.example' })],
  ['of several issuers', withClaims({ iss: [ISSUER] })],
  ['that names no issuer', without('iss')],
  ['of nobody', without('sub')],
  ['of an empty name', withClaims({ sub: '' })],
  ['of a number', withClaims({ sub: 7 })],
  ['of a name that is too long', withClaims({ sub: 'x'.repeat(129) })],
  ['of a name with NUL', withClaims({ sub: 'a\0' })],
  ['of half a character', withClaims({ sub: '\ud800' })],
  ['without an end', without('exp')],
  ['whose end is text', withClaims({ exp: String(seconds() + 600) })],
  ['over since 6 s', withClaims({ exp: seconds() - 6 })],
  ['active in a minute', withClaims({ nbf: seconds() + 60 })],
  ['issued in a minute', withClaims({ iat: seconds() + 60 })],
  ['issued at no time', withClaims({ iat: 'yesterday' })],
  ['of claims that are a list', () => ({ claims: [] })],
  ['of claims that are null', () => ({ claims: null })],
  ['of a key for encryption', withHeader({ kid: 'encrypts' })],
  ['of a key that does not verify', withHeader({ kid: 'wraps' })],
  ['of a key with odd operations', withHeader({ kid: 'odd-operations' })],
  ['of a key whose secret half is published', withHeader({ kid: 'published' })],
  ['of a key whose name is a number', withHeader({ kid: 7 })],
  ['that names no key', withHeader({ kid: undefined })],
  ['of an unknown key', withHeader({ kid: 'unknown' })],
  [
    'by an algorithm that the key forbids',
    () => ({
      header: { alg: 'RS256', kid: 'rsa-pss' },
      with: rs256(rsa.privateKey),
    }),
  ],
  [
    'by an algorithm that is not of the kind of the key',
    () => ({
      header: { alg: 'RS256', kid: 'plain' },
      with: rs256(ec.privateKey),
    }),
  ],
  [
    'of a key that is too short',
    () => ({
      header: { alg: 'RS256', kid: 'weak' },
      with: rs256(weak.privateKey),
    }),
  ],
  [
    'of a key that is no public one',
    () => ({
      header: { alg: 'HS256', kid: 'shared' },
      with: (text) => createHmac('sha256', 'x'.repeat(32)).update(text).digest(),
    }),
  ],
  [
    'with the public key for a secret',
    () => ({
      header: { alg: 'HS256', kid: 'plain' },
      with: (text) =>
        createHmac('sha256', ec.publicKey.export({ type: 'spki', format: 'pem' }))
          .update(text)
          .digest(),
    }),
  ],
  ['without a signature', () => ({ header: { alg: 'none' }, with: () => Buffer.alloc(0) })],
  ['with an empty signature', () => ({ with: () => Buffer.alloc(0) })],
  [
    'signed by somebody else',
    () => ({
      with: (text) =>
        sign('sha256', text, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    }),
  ],
  ['with a critical header', withHeader({ crit: ['exp'] })],
  ['that ends a session', withHeader({ typ: 'logout+jwt' })],
  ['that reports an event', withHeader({ typ: 'secevent+jwt' })],
  ['that proves a key', withHeader({ typ: 'dpop+jwt' })],
];

it.each(bad)('a token %s is refused', async (_name, signing) => {
  users += 1;
  const token = tokenOf(signing());
  // Twice, because the second answer comes from the cache.
  expect([await statusOf(token), await statusOf(token)]).toEqual([401, 401]);
});

it('a JWKS that redirects or is too large is refused', async () => {
  const elsewhere = createServer((_, response) => response.end(JSON.stringify({ keys: KEYS })));
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const { port } = elsewhere.address() as AddressInfo;
  const location = `http://127.0.0.1:${port}/keys`;
  const large = { keys: Array.from({ length: 2_000 }, () => KEYS[0]) };
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(302, { location }).end(),
    (_, response) => response.end(JSON.stringify(large)),
  ];
  for (const one of answers) {
    const other = await open(keysUrl);
    answer = one;
    expect(await statusOf(tokenOf({}), other)).toBe(503);
    await other.close();
  }
  elsewhere.closeAllConnections();
  elsewhere.close();
});
