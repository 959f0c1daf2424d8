import { createHmac, createSecretKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { macOf } from '../../../server/gate/mac.ts';
import fc from '../../properties.ts';

const ofLibrary = (key: Buffer, text: string, bytes: number) =>
  createHmac('sha256', key).update(text).digest().subarray(0, bytes).toString('base64url');

test("a MAC equals the library's HMAC-SHA-256 for every key and text", () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 200 });
  // Includes lengths around the limit of the fast path, and lone surrogates.
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'grapheme', minLength: 600, maxLength: 800 }),
    fc.constantFrom('', 'a'.repeat(682), 'a'.repeat(683), '\ud800', 'Zoë \u{1F6D2}'),
  );
  fc.assert(
    fc.property(key, fc.array(text, { minLength: 1, maxLength: 4 }), (bytes, texts) => {
      const buffer = Buffer.from(bytes);
      const secret = createSecretKey(buffer);
      // The same key again and again, to show that nothing of an earlier text remains.
      for (const one of texts) {
        expect(macOf(buffer, one, 32)).toBe(ofLibrary(buffer, one, 32));
        expect(macOf(secret, one, 16)).toBe(ofLibrary(buffer, one, 16));
      }
    }),
    { numRuns: 1_000 },
  );
});
