import type { KeyObject } from 'node:crypto';
import { isMacOf, macOf } from '../gate/mac.ts';

/**
 * A receipt proves what a web node knew of a request when it answered. With it, any other node can
 * truthfully say `queued` before the database knows the request. It is signed with the sale's first
 * ticket key, which all nodes share and which is never replaced. It is part of the status URL:
 * `…/requests/<requestId>~<receipt>`.
 *
 * - `<sale>.<signature>`: the request was taken and will have an outcome.
 * - `<sale>.<signature>.<node>`: the broker had not answered that node. Once the node is fenced, a
 *   request without an outcome was not taken.
 */
const SIGNATURE_BYTES = 16;

export interface ReceiptFacts {
  readonly sale: string;
  readonly requestId: string;
  readonly userId: string;
  /** The node that did not know whether the request was taken; absent if it was taken. */
  readonly unknownAt?: string;
}

function signedText({ sale, requestId, userId, unknownAt = '' }: ReceiptFacts): string {
  return `receipt\0${sale}\0${requestId}\0${userId}\0${unknownAt}`;
}

export function issueReceipt(key: KeyObject | Buffer, facts: ReceiptFacts): string {
  const receipt = `${facts.sale}.${macOf(key, signedText(facts), SIGNATURE_BYTES)}`;
  return facts.unknownAt === undefined ? receipt : `${receipt}.${facts.unknownAt}`;
}

/**
 * Returns the facts that the receipt proves; undefined if it is not valid.
 *
 * @param keyOf returns the ticket key of a sale, if this process knows it
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
  const isTrue = isMacOf(key, signedText(claimed), SIGNATURE_BYTES, signature);
  return isTrue ? claimed : undefined;
}
