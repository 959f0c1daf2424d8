import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/**
 * Where a merchant's URL may lead: to public addresses only, so that nobody makes the shop call its
 * own machines. A name is resolved once, here, and the socket connects to the address that was looked
 * at: an answer that changes between the look and the connection changes nothing.
 */

/** The address is not one that webhooks may be delivered to. */
class AddressRefused extends Error {
  override name = 'AddressRefused';
}

/** Special-purpose addresses, from IANA's registries (RFC 6890 and what came later). */
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
 * What can be said of a URL without asking a name server.
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
  // No look-up happens for an address that is written out.
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) {
    throw new AddressRefused(`${host} is not a public address`);
  }
  return parsed;
}

type Answer = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Look-ups under way. One holds a thread of the few that Node has for them until the name server
 * answers or the system gives up: attempts at the same name share it, so that a merchant whose name
 * server is silent does not take them all from the others.
 */
const underWay = new Map<string, Promise<LookupAddress[]>>();

function addressesOf(hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
  const key = JSON.stringify([hostname, options.family, options.hints]);
  const known = underWay.get(key);
  if (known !== undefined) return known;
  const asked = lookup(hostname, { ...options, all: true }).finally(() => underWay.delete(key));
  underWay.set(key, asked);
  return asked;
}

/** For the sockets of an HTTP agent: resolves a name to addresses that may be connected to. */
export function guardedLookup({ allowPrivate }: AddressRules) {
  return (hostname: string, options: LookupOptions, answer: Answer): void => {
    const resolved = (addresses: readonly LookupAddress[]) => {
      const allowed = addresses.filter(({ address }) => allowPrivate || isPublicAddress(address));
      const [first] = allowed;
      if (first === undefined) {
        return answer(new AddressRefused(`${hostname} has no public address`), []);
      }
      if (options.all === true) answer(null, allowed);
      else answer(null, first.address, first.family);
    };
    addressesOf(hostname, options).then(resolved, (error) => answer(error, []));
  };
}

/**
 * The same rules for a URL that is being registered, its name looked up. A name that cannot be looked
 * up now is taken: it may be known where the workers are.
 *
 * @throws {AddressRefused}
 */
export async function checkAddress(url: string, rules: AddressRules): Promise<URL> {
  const parsed = checkUrl(url, rules);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const addresses = await addressesOf(host, {}).catch(() => undefined);
  const isAllowed = ({ address }: LookupAddress) => rules.allowPrivate || isPublicAddress(address);
  if (addresses !== undefined && !addresses.some(isAllowed)) {
    throw new AddressRefused(`${host} has no public address`);
  }
  return parsed;
}
