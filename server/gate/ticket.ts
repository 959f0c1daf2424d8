import { type KeyObject, randomUUIDv7 } from 'node:crypto';
import { isMacOf, macOf } from './mac.ts';

/**
 * A ticket is the secret part of a purchase URL: `<sku>.<expiry>.<id>.<signature>`. It is signed
 * with the sale's ticket key, which does not exist before the sale opens. The signature covers the
 * user and the sale, but the text does not contain them, so a ticket reveals nothing about its
 * owner.
 */
export interface Ticket {
  readonly sku: string;
  /** Milliseconds since the epoch, on the database's clock. */
  readonly expiresAtMs: number;
  /** UUID; the request id of a purchase without an Idempotency-Key. */
  readonly id: string;
  readonly signature: string;
}

interface TicketOwner {
  readonly sale: string;
  readonly userId: string;
}

/** Bytes of the HMAC-SHA-256 in a ticket: 128 bits, the minimum that RFC 2104 allows. */
const SIGNATURE_BYTES = 16;
/** Name, expiry, id and signature, with some room. Longer text is not a ticket. */
const TICKET_LENGTH_MAX = 128;
const ID_HEX_LENGTH = 32;
const SIGNATURE_LENGTH = 22;
/** Only two bits of the signature's last character count, so only one spelling is allowed. */
const SHAPE =
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}\.[0-9a-z]{8,9}\.[0-9a-f]{32}\.[A-Za-z0-9_-]{21}[AQgw]$/;

/**
 * No part can contain NUL, so different tickets have different texts to sign. The first word
 * separates them from receipts, which the same key signs.
 */
function signedText(owner: TicketOwner, sku: string, expiry: string, id: string): string {
  return `ticket\0${owner.sale}\0${sku}\0${owner.userId}\0${expiry}\0${id}`;
}

export function issueTicket(
  key: KeyObject | Buffer,
  owner: TicketOwner,
  sku: string,
  expiresAtMs: number,
): string {
  const expiry = expiresAtMs.toString(36);
  // Ids of one time are neighbours in the index of outcomes (docs/decisions/0081).
  const id = randomUUIDv7().replaceAll('-', '');
  const signature = macOf(key, signedText(owner, sku, expiry, id), SIGNATURE_BYTES);
  return `${sku}.${expiry}.${id}.${signature}`;
}

/**
 * Parses a ticket without verifying it; undefined if the text does not have the shape of a ticket.
 */
export function parseTicket(text: string): Ticket | undefined {
  if (text.length > TICKET_LENGTH_MAX || !SHAPE.test(text)) return undefined;
  const skuEnd = text.indexOf('.');
  const expiryEnd = text.indexOf('.', skuEnd + 1);
  return {
    sku: text.slice(0, skuEnd),
    expiresAtMs: Number.parseInt(text.slice(skuEnd + 1, expiryEnd), 36),
    id: idOfTicket(text),
    signature: text.slice(expiryEnd + ID_HEX_LENGTH + 2),
  };
}

/** Returns only the id. If the text is not a ticket, the result is not an id either. */
export function idOfTicket(text: string): string {
  const at = text.length - SIGNATURE_LENGTH - 1 - ID_HEX_LENGTH;
  const part = (from: number, to: number) => text.slice(at + from, at + to);
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
}

/**
 * Returns whether the ticket was issued with this key to this user for this sale and has not
 * expired.
 */
export function verifyTicket(
  key: KeyObject | Buffer,
  owner: TicketOwner,
  ticket: Ticket,
  nowMs: number,
): boolean {
  if (ticket.expiresAtMs <= nowMs) return false;
  const expiry = ticket.expiresAtMs.toString(36);
  const text = signedText(owner, ticket.sku, expiry, ticket.id.replaceAll('-', ''));
  return isMacOf(key, text, SIGNATURE_BYTES, ticket.signature);
}
