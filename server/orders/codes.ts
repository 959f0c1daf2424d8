import { LRUCache } from 'lru-cache';
import encodeQR from 'qr';
import { type DoorKey, doorCode } from '../../contracts/door-code.ts';
import type { PlacedUnit } from '../../db/door.ts';

/** The codes of an order's numbered units, and the QR codes that show them. */

/**
 * A code of 191 digits needs version 5: 37 modules a side. The level M mends 15 % of them, such as a crease. The least quiet
 * zone is 4 modules.
 */
const QR = { ecc: 'medium', encoding: 'numeric', version: 5, border: 4 } as const;

/**
 * Codes that were made last, some 5 kB each. Making the 100 codes of a large order takes the node 60 ms, and its owner may
 * ask for them 20 times a second.
 */
const KEPT_MAX = 2_000;
const kept = new LRUCache<string, { readonly code: string; readonly svg: string }>({
  max: KEPT_MAX,
});

/** @param units of the order, which is paid */
export function codesOf(key: DoorKey, orderNo: string, units: readonly PlacedUnit[]) {
  const id = key.publicKey.toString('base64url');
  return units.map(({ position, ...unit }) => {
    const name = `${id} ${orderNo} ${position}`;
    const known = kept.get(name);
    if (known !== undefined) return { ...unit, ...known };
    const code = doorCode(key, { orderNo, position });
    const made = { code, svg: svgOf(code) };
    kept.set(name, made);
    return { ...unit, ...made };
  });
}

/** Dark modules that follow each other in a line are one rectangle: a third of the characters of one for each. */
function svgOf(code: string): string {
  const lines = encodeQR(code, 'raw', QR);
  const runs = lines.flatMap((line, y) =>
    [
      ...line
        .map((dark) => (dark ? '#' : ' '))
        .join('')
        .matchAll(/#+/g),
    ].map(({ index, 0: { length } }) => `M${index} ${y}h${length}v1h-${length}z`),
  );
  const size = lines.length;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${runs.join('')}"/></svg>`
  );
}
