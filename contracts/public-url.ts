import { BlockList, isIP } from 'node:net';

/**
 * Restricts URLs that strangers give to public addresses, so that nobody makes the shop call its own
 * machines. This is the part that needs no name server.
 */

/** The shop does not call this address. */
export class AddressRefused extends Error {
  override name = 'AddressRefused';
}

/** Special-purpose addresses, from IANA's registries (RFC 6890 and its successors). */
const NOT_PUBLIC = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv4');
}
/** Public IPv6 is 2000::/3; the rest is local, reserved, or IPv4 in another spelling. */
const PUBLIC_V6 = new BlockList();
PUBLIC_V6.addSubnet('2000::', 3, 'ipv6');
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv6');
}

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !NOT_PUBLIC.check(address, 'ipv4');
  return family === 6 && PUBLIC_V6.check(address, 'ipv6') && !NOT_PUBLIC.check(address, 'ipv6');
}

export interface AddressRules {
  readonly allowHttp: boolean;
  readonly allowPrivate: boolean;
}

/**
 * Checks a URL as far as possible without a name server, and returns it parsed.
 *
 * @throws {AddressRefused}
 */
export function checkUrl(url: string, { allowHttp, allowPrivate }: AddressRules): URL {
  if (!URL.canParse(url)) throw new AddressRefused('not a URL');
  const parsed = new URL(url);
  const isHttp = parsed.protocol === 'http:' && allowHttp;
  if (parsed.protocol !== 'https:' && !isHttp) throw new AddressRefused('it must be https');
  if (parsed.username !== '' || parsed.password !== '') {
    throw new AddressRefused('it must have no login in it');
  }
  // A literal address is never looked up, so it is checked here.
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) {
    throw new AddressRefused(`${host} is not a public address`);
  }
  return parsed;
}
