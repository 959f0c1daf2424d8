import { type KeyObject, randomUUID } from 'node:crypto';
import { isMacOf, macOf } from './mac.ts';

/**
 * A ticket is the secret part of a purchase URL: `<sku>.<expiry>.<id>.<signature>`, signed with the
 * sale's ticket key, which does not exist before the sale opens. User and sale are bound by the
 * signature and not spelled out, so a ticket tells nothing about its owner.
 */
export interface Ticket {
  readonly sku: string;
  /** Milliseconds since the epoch, on the database's clock. */
  readonly expiresAtMs: number;
  /** UUID; the request id of a purchase that brings no Idempotency-Key. */
  readonly id: string;
  readonly signature: string;
}

interface TicketOwner {
  readonly sale: string;
  readonly userId: string;
}

/** Bytes of the HMAC-SHA-256 that a ticket carries: 128 bits, as RFC 2104 allows at the least. */
const SIGNATURE_BYTES = 16;
/** name + expiry + id + signature, with room: longer text is no ticket. */
const TICKET_LENGTH_MAX = 128;
const ID_HEX_LENGTH = 32;
const SIGNATURE_LENGTH = 22;
/** Of the signature's last character only two bits count: one spelling is enough. */
const SHAPE =
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}\.[0-9a-z]{8,9}\.[0-9a-f]{32}\.[A-Za-z0-9_-]{21}[AQgw]$/;

/** NUL cannot stand in any of the parts, so no two tickets have the same text to sign; and no receipt
 *  of the same key has it, since it begins with its own word. */
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
  const id = randomUUID().replaceAll('-', '');
  const signature = macOf(key, signedText(owner, sku, expiry, id), SIGNATURE_BYTES);
  return `${sku}.${expiry}.${id}.${signature}`;
}

/** Reads a ticket without believing it; undefined when it has not even the shape of one. */
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

/** The id alone, of a text that may be no ticket: then it is no id either. */
export function idOfTicket(text: string): string {
  const at = text.length - SIGNATURE_LENGTH - 1 - ID_HEX_LENGTH;
  const part = (from: number, to: number) => text.slice(at + from, at + to);
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
}

/** Whether the ticket was issued with this key to this user for this sale, and is not over. */
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
