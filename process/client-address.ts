import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4 } from 'node:net';
import { addressOf } from '../contracts/address.ts';
import type { TrustedProxies } from '../contracts/proxies.ts';

/**
 * Finds the address of a client: the peer of the connection or, if that is a proxy of the shop, the
 * address that the proxy sends. A header alone proves nothing, because a proxy that is not
 * configured to write it passes on what the client wrote. So a proxy must also send a secret,
 * unless the operator confirms that every proxy writes the header itself.
 */

const ADDRESS_HEADER = 'x-forwarded-for';
const PROXY_SECRET_HEADER = 'x-proxy-secret';

/** Returns the client's address; an empty text for a connection that has ended. */
export type ClientAddress = (request: IncomingMessage) => string;

export function clientAddressReader(proxies: TrustedProxies | undefined): ClientAddress {
  if (proxies === undefined) return peerOf;
  const trusted = new BlockList();
  for (const { address, bits, family } of proxies.ranges) trusted.addSubnet(address, bits, family);
  const isTrusted = (address: string) => trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  const knowsSecret = secretReader(proxies.secret);

  return (request) => {
    let client = peerOf(request);
    if (client === '' || !isTrusted(client) || !knowsSecret(request)) return client;
    const written = request.headers[ADDRESS_HEADER];
    const entries = written === undefined ? [] : String(written).split(',');
    // The proxy nearest to this process has written the last address.
    for (let hop = 0; hop < proxies.hops && isTrusted(client); hop += 1) {
      const entry = addressOf(entries.pop()?.trim() ?? '');
      if (entry === undefined) break;
      client = entry;
    }
    return client;
  };
}

function peerOf({ socket }: IncomingMessage): string {
  const { remoteAddress = '' } = socket;
  return addressOf(remoteAddress) ?? '';
}

function secretReader(secret: string | undefined): (request: IncomingMessage) => boolean {
  if (secret === undefined) return () => true;
  const expected = Buffer.from(secret);
  return ({ headers }) => {
    const given = Buffer.from(String(headers[PROXY_SECRET_HEADER] ?? ''));
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
}
