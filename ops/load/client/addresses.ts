import { once } from 'node:events';
import { createServer } from 'node:net';

/** The addresses that shoppers call from. */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3})$/;

export interface Addresses {
  /** Undefined: the system chooses. */
  of(share: number): string | undefined;
  /** What the plan asks for and cannot be done here. */
  readonly gap: string | undefined;
}

/** The nth loopback address, from 127.0.0.1 on. */
function loopback(number: number): string {
  const n = number + 1;
  return `127.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

async function canCallFrom(address: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: address, port: 0 });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/**
 * @param wanted how many, or which
 * @param host of the shop: loopback addresses reach only a shop on this machine
 */
export async function openAddresses(
  wanted: number | readonly string[],
  host: string,
): Promise<Addresses> {
  if (wanted === 1) return { of: () => undefined, gap: undefined };
  const isNumber = typeof wanted === 'number';
  if (isNumber && !LOOPBACK.test(host)) {
    const gap = `shoppers call from one address and not from ${wanted}: the shop is not on this machine`;
    return { of: () => undefined, gap };
  }
  const list = isNumber ? Array.from({ length: wanted }, (_, at) => loopback(at)) : wanted;
  const able = await Promise.all(list.map(canCallFrom));
  const usable = list.filter((_, at) => able[at]);
  const missing = list.length - usable.length;
  return {
    of: (share) => usable[Math.floor(share * usable.length)],
    gap: missing === 0 ? undefined : `${missing} of ${list.length} addresses cannot be called from`,
  };
}
