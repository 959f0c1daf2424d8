import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Normalises Internet addresses. Rate limits, lists and risk scoring compare addresses as text, so
 * each address must have one spelling whichever way a socket, a proxy or an operator writes it.
 */

export interface AddressRange {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

const IPV4_BITS = 32;
const IPV6_BITS = 128;
/** An IPv4-mapped IPv6 address holds the IPv4 address in its last 32 bits. */
const MAPPED_BITS = IPV6_BITS - IPV4_BITS;
/** 16-bit groups that form the network part of an IPv6 address: one subscriber has a /64. */
const NETWORK_GROUPS = 4;

/** How a socket that listens to both families names a peer of IPv4. */
const MAPPED = '::ffff:';
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/;

/**
 * Returns the normalised address; undefined when `text` is not an address. A port, brackets and an
 * IPv6 zone are removed. An IPv4-mapped IPv6 address becomes the IPv4 address.
 */
export function addressOf(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const mapped = text.startsWith(MAPPED) ? text.slice(MAPPED.length) : '';
  if (isIPv4(mapped)) return mapped;
  const [, inBrackets, beforePort] = WITH_PORT.exec(text) ?? [];
  return parse(inBrackets ?? beforePort ?? text)?.toString();
}

/** Parses one address or a range such as `10.0.0.0/8`; undefined when `text` is neither. */
export function rangeOf(text: string): AddressRange | undefined {
  const [first = '', bitsText, ...rest] = text.split('/');
  if (rest.length > 0) return undefined;
  const address = bitsText === undefined ? addressOf(first) : parse(first)?.toString();
  if (address === undefined) return undefined;
  const isV4 = isIPv4(address);
  const bitsMax = isV4 ? IPV4_BITS : IPV6_BITS;
  const family = isV4 ? 'ipv4' : 'ipv6';
  if (bitsText === undefined) return { address, bits: bitsMax, family };
  if (!/^\d{1,3}$/.test(bitsText)) return undefined;
  const bits = Number(bitsText) - (isV4 && first.includes(':') ? MAPPED_BITS : 0);
  return bits >= 0 && bits <= bitsMax ? { address, bits, family } : undefined;
}

/** The network that counts as one client: an IPv4 address itself, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parse(address);
  if (parsed === undefined || parsed.kind() === 'ipv4') return parsed?.toString() ?? address;
  const groups = (parsed as ipaddr.IPv6).parts.slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

/**
 * Rejects the legacy spellings of IPv4 addresses: 127.1, 0x7f.0.0.1 and 010.0.0.1. Node judges, because the library
 * tells with an error, whose stack costs more than all else that a call of a shopper needs.
 */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (isIPv4(text)) return ipaddr.IPv4.parse(text);
  const [withoutZone = ''] = text.split('%');
  if (!isIPv6(withoutZone)) return undefined;
  const parsed = ipaddr.IPv6.parse(withoutZone);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}
