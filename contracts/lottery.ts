import { createHmac, type KeyObject } from 'node:crypto';

/**
 * A user's rank in the lottery of a sale: the first 48 bits of HMAC-SHA-256(secret, user) divided
 * by 2^48. A request is kept while rank < keep. The lottery page computes the same value in the
 * browser.
 */
const RANK_BYTES = 6;

/** @returns 0 ≤ rank < 1 */
export function lotteryRank(secret: KeyObject | Buffer, userId: string): number {
  const digest = createHmac('sha256', secret).update(userId).digest();
  return digest.readUIntBE(0, RANK_BYTES) / 2 ** (8 * RANK_BYTES);
}
