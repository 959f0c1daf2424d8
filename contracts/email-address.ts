import { domainToASCII } from 'node:url';

/** Which texts are accepted as e-mail addresses. Pure. */

const ADDRESS_LENGTH_MAX = 254;
/** As in HTML's input type=email: no spaces, controls, quotes, commas, angle brackets or comments. */
const LOCAL = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
/** At least two labels; the last one is not a number, so no address of a host is accepted. */
const DOMAIN =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Names that never lead to a mailbox in public (RFC 6761, RFC 6762, RFC 8375, RFC 9476). */
const NOT_PUBLIC = /\.(?:alt|arpa|internal|invalid|local|localhost|onion|test)$/;

/**
 * Returns the address with its domain in ASCII and lower case; undefined when it is none.
 *
 * @param text as a stranger typed it
 */
export function emailAddressOf(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  // domainToASCII drops line breaks and tabs, so they are refused first.
  if (!LOCAL.test(local) || /[^\p{L}\p{M}\p{N}.-]/u.test(text.slice(at + 1))) return undefined;
  const domain = domainToASCII(text.slice(at + 1)).toLowerCase();
  const address = `${local}@${domain}`;
  if (!DOMAIN.test(domain) || NOT_PUBLIC.test(domain)) return undefined;
  return address.length <= ADDRESS_LENGTH_MAX ? address : undefined;
}

/** Hides most of the local part, or all of it if it is one letter, for answers to the owner. */
export function maskedAddress(address: string): string {
  return address.replace(/^(?:(.).+|.)@/, '$1…@');
}
