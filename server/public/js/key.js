// @ts-check
/** Idempotency keys: random UUIDs (version 4). */

/** @returns {string} */
export function newKey() {
  // `randomUUID` exists only on https and localhost. A phone that opens a shop on the local network
  // uses neither.
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return uuidOf(bytes);
}

/** @param {Uint8Array} bytes 16 random bytes */
export function uuidOf(bytes) {
  const hex = [...bytes].map((byte, index) => {
    if (index === 6) return (byte & 0x0f) | 0x40;
    return index === 8 ? (byte & 0x3f) | 0x80 : byte;
  });
  const text = hex.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
