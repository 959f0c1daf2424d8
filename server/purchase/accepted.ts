import type { ServerResponse } from 'node:http';
import type { TicketKeys } from '../catalogue/ticket-keys.ts';
import { issueReceipt, type ReceiptFacts } from '../requests/receipt.ts';

/** A purchase request that is answered with 202. */
export type Accepted = Pick<ReceiptFacts, 'sale' | 'requestId' | 'userId'>;

const HEADERS = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  'content-length',
];

/**
 * Returns the URL for the status of a request. The receipt in it proves to every node that the
 * request was taken or may have been taken.
 */
export function statusUrlOf(keys: TicketKeys, facts: ReceiptFacts): string {
  const key = keys.receipt(facts.sale);
  const receipt = key ? `~${issueReceipt(key, facts)}` : '';
  return `/api/v1/requests/${facts.requestId}${receipt}`;
}

export function writeAccepted(
  response: ServerResponse,
  keys: TicketKeys,
  accepted: Accepted,
): void {
  const statusUrl = statusUrlOf(keys, accepted);
  // The values are UUIDs, names and base64url, so nothing needs escaping.
  const body = `{"requestId":"${accepted.requestId}","status":"queued","statusUrl":"${statusUrl}"}`;
  response.writeHead(202, HEADERS.concat(String(body.length))).end(body, 'latin1');
}
