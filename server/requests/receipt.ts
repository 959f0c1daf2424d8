import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * A receipt proves what a web node knew of a request when it answered, so that any other one can
 * truthfully say `queued` before the database knows of it. It is signed with the sale's first
 * ticket key, which all nodes share and which is never replaced, and travels in the status URL: `…/requests/<requestId>~<receipt>`.
 *
 * - `<sale>.<signature>`: the request was taken; it will have an outcome.
 * - `<sale>.<signature>.<node>`: the broker had not answered that node. Once the node is fenced, a
 *   request without an outcome was not taken.
 */
const SIGNATURE_BYTES = 16;

export interface ReceiptFacts {
  readonly sale: string;
  readonly requestId: string;
  readonly userId: string;
  /** The node that did not know; absent when the request was taken. */
  readonly unknownAt?: string;
}

function sign(key: KeyObject | Buffer, facts: ReceiptFacts): Buffer {
  const { sale, requestId, userId, unknownAt = '' } = facts;
  return createHmac('sha256', key)
    .update(['receipt', sale, requestId, userId, unknownAt].join('\0'))
    .digest()
    .subarray(0, SIGNATURE_BYTES);
}

export function issueReceipt(key: KeyObject | Buffer, facts: ReceiptFacts): string {
  const receipt = `${facts.sale}.${sign(key, facts).toString('base64url')}`;
  return facts.unknownAt === undefined ? receipt : `${receipt}.${facts.unknownAt}`;
}

/**
 * What the receipt proves; undefined when it proves nothing.
 * @param keyOf the ticket key of a sale, if this process knows it
 */
export function readReceipt(
  keyOf: (sale: string) => KeyObject | Buffer | undefined,
  receipt: string,
  request: { readonly requestId: string; readonly userId: string },
): ReceiptFacts | undefined {
  const [sale = '', signature = '', ...node] = receipt.split('.');
  const key = keyOf(sale);
  if (key === undefined) return undefined;
  const { requestId, userId } = request;
  const facts = { sale, requestId, userId };
  const claimed = node.length === 0 ? facts : { ...facts, unknownAt: node.join('.') };
  const expected = sign(key, claimed);
  const given = Buffer.from(signature, 'base64url');
  const isTrue = given.length === expected.length && timingSafeEqual(given, expected);
  return isTrue ? claimed : undefined;
}
