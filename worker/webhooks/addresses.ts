import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { bulkhead } from 'cockatiel';
import {
  AddressRefused,
  type AddressRules,
  checkUrl,
  isPublicAddress,
} from '../../contracts/public-url.ts';

/**
 * Connects only to public addresses. A name is resolved once, here, and the socket connects to the
 * address that was checked. A DNS answer that changes between the check and the connection has no
 * effect.
 */

type Answer = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * A look-up holds one of Node's four threads until the name server answers or the system gives up. Look-ups
 * of the same name are shared, and those of other names wait for their turn, so that silent name servers of
 * strangers do not take all threads. The deadline of a post covers the wait.
 */
const LOOKUPS_MAX = 2;
const LOOKUPS_WAITING_MAX = 1_000;
const turns = bulkhead(LOOKUPS_MAX, LOOKUPS_WAITING_MAX);
const underWay = new Map<string, Promise<LookupAddress[]>>();

function addressesOf(hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
  const key = JSON.stringify([hostname, options.family, options.hints]);
  const known = underWay.get(key);
  if (known !== undefined) return known;
  const asked = turns
    .execute(() => lookup(hostname, { ...options, all: true }))
    .finally(() => underWay.delete(key));
  underWay.set(key, asked);
  return asked;
}

/** Look-up function for an HTTP agent's sockets; returns only addresses that are allowed. */
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
 * Applies the same rules to a URL that is being registered, including a look-up of its name. A name
 * that cannot be resolved is accepted, because the workers may be able to resolve it.
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
