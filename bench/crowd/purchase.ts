import { createGuestSigner } from '../../server/gate/identity.ts';
import type { Purpose } from '../../server/gate/shop-token.ts';
import { issueTicket } from '../../server/gate/ticket.ts';

/** Complete HTTP purchase requests, made before the clock starts. */

/** Longer than any run, so that no ticket expires before it is used. */
const TICKET_TTL_MS = 3_600_000;
const BODY = '{"quantity":1}';

/** The keys and names that a shop uses to sign. */
export interface Keys {
  readonly jwtSecret: string;
  readonly purpose?: Partial<Purpose>;
  /** Base64. */
  readonly ticketKey: string;
  readonly sale: string;
}

/** Signs identities and tickets as the shop does. */
export function createSigner({ jwtSecret, purpose, ticketKey, sale }: Keys) {
  const sign = createGuestSigner(jwtSecret, purpose);
  const key = Buffer.from(ticketKey, 'base64');
  return {
    token: (userId: string) => sign(userId),
    ticket: (userId: string, sku: string) =>
      issueTicket(key, { sale, userId }, sku, Date.now() + TICKET_TTL_MS),
  };
}

/** Headers of a browser that the shop does not need, but whose absence would raise the risk. */
export const BROWSER_HEADERS = [
  'user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'accept: application/json',
  'accept-language: en-US,en;q=0.5',
] as const;

/** Asks for a ticket, as the page does. */
export function ticketRequest(sale: string, sku: string, token: string): string {
  const body = JSON.stringify({ sku });
  const lines = [
    `POST /api/v1/sales/${sale}/tickets HTTP/1.1`,
    'host: shop.example',
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    ...BROWSER_HEADERS,
    `content-length: ${body.length}`,
    '',
    body,
  ];
  return lines.join('\r\n');
}

/** Waits for the outcome by long-poll. */
export function statusRequest(statusUrl: string, token: string, waitSeconds: number): string {
  const lines = [
    `GET ${statusUrl}?wait=${waitSeconds} HTTP/1.1`,
    'host: shop.example',
    `authorization: Bearer ${token}`,
    '',
    '',
  ];
  return lines.join('\r\n');
}

export function purchaseRequest(
  ticket: string,
  token: string,
  headers: readonly string[] = [],
): Buffer {
  const lines = [
    `POST /api/v1/buy/${ticket} HTTP/1.1`,
    'host: shop.example',
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    ...headers,
    `content-length: ${BODY.length}`,
    '',
    BODY,
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}
