import { type AddressRange, rangeOf } from './address.ts';
import { ConfigError, integer, list } from './config.ts';

/** The proxies of the shop in front of a process, whose word on the address of a client is taken. */

export interface TrustedProxies {
  readonly ranges: readonly AddressRange[];
  /** Number of proxies that a request passes; each adds one address to X-Forwarded-For. */
  readonly hops: number;
  /** Secret that the last proxy sends in X-Proxy-Secret; undefined if none is required. */
  readonly secret: string | undefined;
}

/** The secret is written into a proxy's configuration by hand, so it must be too long to guess. */
export const PROXY_SECRET_LENGTH_MIN = 32;
const HOPS_MAX = 10;

/** Refuses /0, which would trust every peer and so every forged header. */
function proxyRange(part: string): AddressRange | undefined {
  const range = rangeOf(part);
  return range !== undefined && range.bits > 0 ? range : undefined;
}

/** Kinds of variables: the proxies, and how many a request passes. */
export const proxyList = list('IP addresses or CIDRs', proxyRange);
export const proxyHops = integer(1, HOPS_MAX);

/**
 * @param name the variable with the proxies; those of the others begin with it
 * @throws {ConfigError}
 */
export function trustedProxies(
  name: string,
  ranges: readonly AddressRange[] | undefined,
  hops: number | undefined,
  secretOfProxy: string | undefined,
): TrustedProxies | undefined {
  if (ranges === undefined) {
    if (hops === undefined && secretOfProxy === undefined) return undefined;
    throw new ConfigError(`${name}_HOPS and ${name}_SECRET need ${name}`);
  }
  if (hops === undefined && secretOfProxy === undefined) {
    throw new ConfigError(
      `${name} needs ${name}_SECRET, which the proxy sends as X-Proxy-Secret; or ` +
        `${name}_HOPS, if every proxy writes X-Forwarded-For itself`,
    );
  }
  return { ranges, hops: hops ?? 1, secret: secretOfProxy };
}
