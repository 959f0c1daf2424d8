// @ts-check
/**
 * Computes a user's rank in the lottery of a sale: the first 48 bits of HMAC-SHA-256(secret, user),
 * divided by 2^48.
 */

const RANK_BYTES = 6;

/** @param {string} hex */
function bytesOf(hex) {
  const pairs = hex.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

/** @param {ArrayBuffer} bytes */
function hexOf(bytes) {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string} secret hexadecimal
 * @param {string} user
 * @returns {Promise<number>} 0 ≤ rank < 1
 */
export async function rankOf(secret, user) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytesOf(secret), algorithm, false, ['sign']);
  const digest = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(user));
  return Number.parseInt(hexOf(digest.slice(0, RANK_BYTES)), 16) / 2 ** (8 * RANK_BYTES);
}

/**
 * Whether this is the secret whose hash was shown before the sale opened.
 * @param {string} secret hexadecimal
 * @param {string} secretSha256 hexadecimal
 */
export async function isPromised(secret, secretSha256) {
  return hexOf(await crypto.subtle.digest('SHA-256', bytesOf(secret))) === secretSha256;
}
