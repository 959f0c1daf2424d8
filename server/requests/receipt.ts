import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * A receipt proves that some web node took a request, so that any other one can truthfully say
 * `queued` before the database knows of it. It is signed with the sale's ticket key, which all
 * nodes share, and travels in the status URL: `…/requests/<requestId>~<sale>.<signature>`.
 */
const SIGNATURE_BYTES = 16;

function sign(key: KeyObject | Buffer, sale: string, requestId: string, userId: string): Buffer {
  return createHmac('sha256', key)
    .update(['receipt', sale, requestId, userId].join('\0'))
    .digest()
    .subarray(0, SIGNATURE_BYTES);
}

export function issueReceipt(
  key: KeyObject | Buffer,
  sale: string,
  requestId: string,
  userId: string,
): string {
  return `${sale}.${sign(key, sale, requestId, userId).toString('base64url')}`;
}

/** @param keyOf the ticket key of a sale, if this process knows it */
export function verifyReceipt(
  keyOf: (sale: string) => KeyObject | Buffer | undefined,
  receipt: string,
  requestId: string,
  userId: string,
): boolean {
  const [sale = '', signature = ''] = receipt.split('.');
  const key = keyOf(sale);
  if (key === undefined) return false;
  const expected = sign(key, sale, requestId, userId);
  const given = Buffer.from(signature, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
