import { createHmac, hash, KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * HMAC-SHA-256 in the form that tickets, receipts and tokens carry: base64url of all bytes or of
 * the first ones. Digests are written to two buffers that are allocated once, because a new Buffer
 * for each would cost as much as the hashing.
 */

const DIGEST_BYTES = 32;
/** Block size of SHA-256, to which HMAC pads its key. */
const BLOCK_BYTES = 64;
/** Longer texts use the slow path; none of our texts is longer. */
const TEXT_BYTES_MAX = 2_048;
const UTF8_BYTES_A_LETTER = 3;
/** base64url only; Buffer would also decode `+` and `/`. */
const ALPHABET = /^[\w-]+$/;
/**
 * Allowed last letters, indexed by the number of bytes after the last group of three. The unused
 * bits of these letters are 0, so that each MAC has only one spelling.
 */
const LAST_LETTERS = ['', 'AQgw', 'AEIMQUYcgkosw048'] as const;

const digest = Buffer.alloc(DIGEST_BYTES);
const given = Buffer.alloc(DIGEST_BYTES);

/**
 * The padded keys, each followed by room for what is hashed with it: the text and the inner digest.
 */
interface Pads {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

const padsOfKeys = new WeakMap<KeyObject | Buffer, Pads>();

function padsOf(key: KeyObject | Buffer): Pads {
  const known = padsOfKeys.get(key);
  if (known !== undefined) return known;
  const given = key instanceof KeyObject ? key.export() : key;
  const bytes = given.length > BLOCK_BYTES ? hash('sha256', given, 'buffer') : given;
  const pads = {
    inner: Buffer.alloc(BLOCK_BYTES + TEXT_BYTES_MAX),
    outer: Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES),
  };
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    const byte = bytes[at] ?? 0;
    pads.inner[at] = byte ^ 0x36;
    pads.outer[at] = byte ^ 0x5c;
  }
  padsOfKeys.set(key, pads);
  return pads;
}

/**
 * RFC 2104 with two one-shot hashes. Node has no one-shot HMAC, and an Hmac object takes twice as
 * long (1.6 against 0.8 µs, three times in an admission). A test compares the results with
 * createHmac.
 */
function digestOf(key: KeyObject | Buffer, text: string): void {
  if (text.length * UTF8_BYTES_A_LETTER > TEXT_BYTES_MAX) {
    digest.write(createHmac('sha256', key).update(text).digest('latin1'), 'latin1');
    return;
  }
  const { inner, outer } = padsOf(key);
  const end = BLOCK_BYTES + inner.write(text, BLOCK_BYTES);
  outer.write(hash('sha256', inner.subarray(0, end), 'latin1'), BLOCK_BYTES, 'latin1');
  digest.write(hash('sha256', outer, 'latin1'), 'latin1');
}

/** @param bytes number of bytes, from the beginning of the digest */
export function macOf(key: KeyObject | Buffer, text: string, bytes: number): string {
  digestOf(key, text);
  return digest.toString('base64url', 0, bytes);
}

/** Returns whether `mac` is the MAC of the text. The comparison takes constant time. */
export function isMacOf(
  key: KeyObject | Buffer,
  text: string,
  bytes: number,
  mac: string,
): boolean {
  // Text that is not base64url or has the wrong length is not a MAC. The rest of both buffers is
  // cleared, so that they can be compared as a whole.
  if (mac.length !== Math.ceil((bytes * 4) / 3) || !ALPHABET.test(mac)) return false;
  const letters = LAST_LETTERS[bytes % 3];
  if (letters && !letters.includes(mac.at(-1) ?? '')) return false;
  given.fill(0);
  if (given.write(mac, 'base64url') !== bytes) return false;
  digestOf(key, text);
  digest.fill(0, bytes);
  return timingSafeEqual(given, digest);
}
