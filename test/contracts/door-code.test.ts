import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DoorClaim,
  doorCode,
  doorKeyId,
  doorKeyOf,
  isGenuine,
  readDoorCode,
} from '../../contracts/door-code.ts';

/** The codes of numbered units: what they say, and that nobody without the key makes another one. */

const KEY = doorKeyOf(Buffer.alloc(32, 7));
const CLAIM = { orderNo: '1000000002', position: 12 };
const CODE = doorCode(KEY, CLAIM);

const isGood = (text: string, publicKey = KEY.publicKey) => {
  const code = readDoorCode(text);
  return code !== undefined && isGenuine(code, publicKey);
};

describe('a code', () => {
  it('says the order and the unit, whatever they are, and is the same each time', () => {
    const claims = fc.record({
      orderNo: fc.bigInt(1n, 2n ** 63n - 1n).map(String),
      position: fc.integer({ min: 1, max: 199_999 }),
    });
    fc.assert(
      fc.property(claims, fc.uint8Array({ minLength: 32, maxLength: 32 }), (claim, seed) => {
        const key = doorKeyOf(Buffer.from(seed));
        const text = doorCode(key, claim as DoorClaim);
        expect(text).toMatch(/^1\d{190}$/);
        expect(doorCode(doorKeyOf(Buffer.from(seed)), claim)).toBe(text);
        expect(readDoorCode(text)).toMatchObject({ ...claim, keyId: doorKeyId(key.publicKey) });
        expect(isGood(text, key.publicKey)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('is Ed25519 as others compute it', () => {
    // RFC 8032, section 7.1, test 1.
    const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
    const known = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
    expect(doorKeyOf(Buffer.from(seed, 'hex')).publicKey.toString('hex')).toBe(known);
  });

  it('is refused with any other digit at any place', () => {
    const accepted = [...CODE].flatMap((digit, at) => {
      const other = String((Number(digit) + 1 + (at % 9)) % 10);
      return isGood(CODE.slice(0, at) + other + CODE.slice(at + 1)) ? [at] : [];
    });
    expect(accepted).toEqual([]);
  });

  it('is refused with any flipped bit of what is signed and of the signature', () => {
    const code = readDoorCode(CODE);
    if (code === undefined) throw new Error('it is not read');
    const accepted: number[] = [];
    for (let bit = 0; bit < 512; bit += 1) {
      const signature = Buffer.from(code.signature);
      signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (isGenuine({ ...code, signature }, KEY.publicKey)) accepted.push(bit);
    }
    for (let bit = 0; bit < 8 * code.signed.length; bit += 1) {
      const signed = Buffer.from(code.signed);
      signed[bit >> 3] = (signed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const changed = { ...code, signed: signed.toString('latin1') };
      if (isGenuine(changed, KEY.publicKey)) accepted.push(512 + bit);
    }
    expect(accepted).toEqual([]);
  });

  it('of another sale is refused, also with the number of this key', () => {
    const other = doorKeyOf(randomBytes(32));
    const theirs = doorCode(other, CLAIM);
    expect(readDoorCode(theirs)?.keyId).not.toBe(doorKeyId(KEY.publicKey));
    const renamed = `1${doorKeyId(KEY.publicKey)}${theirs.slice(11)}`;
    expect(isGood(theirs)).toBe(false);
    expect(isGood(renamed)).toBe(false);
  });

  it('of another version, or what is no code, is not read', () => {
    const tooLarge = `${CODE.slice(0, 36)}${'9'.repeat(155)}`;
    for (const text of ['', '4006381333931', `2${CODE.slice(1)}`, `${CODE}0`, ` ${CODE}`, tooLarge])
      expect(readDoorCode(text)).toBeUndefined();
  });
});
