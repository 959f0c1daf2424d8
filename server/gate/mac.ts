import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * HMAC-SHA-256 as tickets, receipts and tokens carry it: base64url, the first bytes or all. Digests go
 * through two buffers that are made once: a Buffer for each costs as much as the hashing itself.
 */

const DIGEST_BYTES = 32;
/** Buffers read `+` and `/` as well. */
const ALPHABET = /^[\w-]+$/;
/** Letters whose bits past the last byte are 0, by bytes past the last three: one spelling is enough. */
const LAST_LETTERS = ['', 'AQgw', 'AEIMQUYcgkosw048'] as const;

const digest = Buffer.alloc(DIGEST_BYTES);
const given = Buffer.alloc(DIGEST_BYTES);

function digestOf(key: KeyObject | Buffer, text: string): void {
  digest.write(createHmac('sha256', key).update(text).digest('latin1'), 'latin1');
}

/** @param bytes of the digest, from its beginning */
export function macOf(key: KeyObject | Buffer, text: string, bytes: number): string {
  digestOf(key, text);
  return digest.toString('base64url', 0, bytes);
}

/** Whether `mac` is that of the text, compared in constant time. */
export function isMacOf(
  key: KeyObject | Buffer,
  text: string,
  bytes: number,
  mac: string,
): boolean {
  // What is no base64url, too long or too short is none. The rest of both buffers is cleared, so that
  // they are compared as a whole.
  if (mac.length !== Math.ceil((bytes * 4) / 3) || !ALPHABET.test(mac)) return false;
  const letters = LAST_LETTERS[bytes % 3];
  if (letters && !letters.includes(mac.at(-1) ?? '')) return false;
  given.fill(0);
  if (given.write(mac, 'base64url') !== bytes) return false;
  digestOf(key, text);
  digest.fill(0, bytes);
  return timingSafeEqual(given, digest);
}
