import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier } from 'fast-jwt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAddresses } from '../../../ops/load/client/addresses.ts';
import { openIdentities } from '../../../ops/load/shopper/identities.ts';
import { createIdentity } from '../../../server/gate/identity.ts';

/** Who shoppers are, and from where they call. */

describe('the identities of a plan', () => {
  let folder: string;
  let plan: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'crowd-'));
    plan = join(folder, 'plan.yaml');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are tokens that the shop believes, signed with its secret', async () => {
    const secret = 'a secret of at least thirty-two letters';
    writeFileSync(join(folder, 'secret'), `${secret}\n`);
    const purpose = { audience: 'shop', issuer: 'https://login.example' };
    const { tokenOf } = openIdentities({ key: 'secret', users: 'load', ...purpose }, plan);
    const identity = createIdentity({ kind: 'secret', secret, ...purpose });
    expect(await identity.userOf(`Bearer ${await tokenOf(0)}`)).toBe('load-1');
    expect(await identity.userOf(`Bearer ${await tokenOf(41)}`)).toBe('load-42');
  });

  it('are tokens of an identity provider, signed with its private key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(join(folder, 'key.pem'), privateKey);
    const { tokenOf } = openIdentities({ key: 'key.pem', keyId: 'k1' }, plan);
    const verify = createVerifier({ key: publicKey, algorithms: ['ES256'], complete: true });
    expect(verify((await tokenOf(2)) ?? '')).toMatchObject({
      header: { alg: 'ES256', kid: 'k1' },
      payload: { sub: 'crowd-3' },
    });
  });

  it('are the lines of a file, each for the shopper of its number, until they end', async () => {
    writeFileSync(join(folder, 'tokens'), 'a\nb\nc\nd\n');
    const odd = openIdentities({ tokens: 'tokens' }, plan);
    const tokens = await Promise.all([0, 2, 4, 6].map((shopper) => odd.tokenOf(shopper)));
    expect(tokens).toEqual(['a', 'c', undefined, undefined]);
  });
});

describe('the addresses of a plan', () => {
  it('are as many of the loopback as it asks for, if the shop is on this machine', async () => {
    const { of, gap } = await openAddresses(3, '127.0.0.1');
    expect(gap).toBeUndefined();
    expect([0, 0.5, 0.99].map(of)).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  });

  it('are one, and the report says so, if the shop is elsewhere or the machine has no more', async () => {
    const far = await openAddresses(3, 'shop.example');
    expect(far.of(0.5)).toBeUndefined();
    expect(far.gap).toContain('not on this machine');
    const foreign = await openAddresses(['127.0.0.9', '192.0.2.1'], 'shop.example');
    expect(foreign.of(0.9)).toBe('127.0.0.9');
    expect(foreign.gap).toBe('1 of 2 addresses cannot be called from');
  });
});
