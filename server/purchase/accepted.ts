import type { ServerResponse } from 'node:http';
import { issueReceipt, type ReceiptFacts } from '../requests/receipt.ts';
import type { TicketKeys } from '../ticket-keys.ts';

/** A press that is answered with 202. */
export type Accepted = Pick<ReceiptFacts, 'sale' | 'requestId' | 'userId'>;

const HEADERS = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  'content-length',
];

/** Where to ask about a request; a receipt in it proves to every node that it was taken, or may have been. */
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
  // UUIDs, names and base64url: nothing in here needs escaping.
  const body = `{"requestId":"${accepted.requestId}","status":"queued","statusUrl":"${statusUrl}"}`;
  response.writeHead(202, HEADERS.concat(String(body.length))).end(body, 'latin1');
}
