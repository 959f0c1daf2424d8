// @ts-check
/**
 * Idempotency keys: UUIDs of version 7. They begin with the time, so keys of one time are neighbours in the
 * database's index. A wrong clock does no harm.
 */

/** @returns {string} */
export function newKey() {
  // `getRandomValues` works on http too. A phone that opens a shop on the local network has no https.
  return uuidOf(crypto.getRandomValues(new Uint8Array(16)), Date.now());
}

/**
 * @param {Uint8Array} bytes 16 random bytes
 * @param {number} nowMs since the epoch
 */
export function uuidOf(bytes, nowMs) {
  const time = nowMs.toString(16).padStart(12, '0');
  const hex = [...bytes].slice(6).map((byte, index) => {
    if (index === 0) return (byte & 0x0f) | 0x70;
    return index === 2 ? (byte & 0x3f) | 0x80 : byte;
  });
  const text = time + hex.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
