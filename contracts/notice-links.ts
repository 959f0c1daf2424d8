import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Links in notices that work without a login. A token names a contact and what it allows, and is signed,
 * so that a guessed token costs the database nothing. Workers write links, web nodes check them.
 */

export type LinkPurpose = 'confirm' | 'unsubscribe';

const ID_BYTES = 16;
const MAC_BYTES = 24;

/** @param contact UUID of the contact */
export function noticeToken(secret: string, purpose: LinkPurpose, contact: string): string {
  const id = Buffer.from(contact.replaceAll('-', ''), 'hex');
  return Buffer.concat([id, mac(secret, purpose, id)]).toString('base64url');
}

/** @returns the UUID of the contact; undefined when the token is forged or has another purpose */
export function contactOfToken(
  secret: string,
  purpose: LinkPurpose,
  token: string,
): string | undefined {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length !== ID_BYTES + MAC_BYTES) return undefined;
  const id = bytes.subarray(0, ID_BYTES);
  if (!timingSafeEqual(bytes.subarray(ID_BYTES), mac(secret, purpose, id))) return undefined;
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function mac(secret: string, purpose: LinkPurpose, id: Buffer): Buffer {
  const digest = createHmac('sha256', secret).update(`notice ${purpose} `).update(id).digest();
  return digest.subarray(0, MAC_BYTES);
}

/** The API's URL for one-click unsubscribing (RFC 8058). */
export function unsubscribePath(token: string): string {
  return `/api/v1/notices/unsubscribe/${token}`;
}

/**
 * The page that confirms or unsubscribes when its button is pressed. The token is in the fragment, which
 * browsers send to no server and which no log holds. A mere visit changes nothing, because mail filters
 * visit links.
 */
export function noticePage(purpose: LinkPurpose, token: string): string {
  return `/notices#${purpose}=${token}`;
}
