import type { Schema } from './names.ts';

/**
 * The homes of SKUs. `regular` is on the server that holds the catalogue. Hot homes are called `hot`, or
 * `hot-1` to `hot-498`. A name tells the number of its home, and an order number tells the home of its
 * order, so no process has to ask a database for them.
 */

/** The name of a home. */
export type Home = string;

export const REGULAR = 'regular';
const HOT_HOMES_MAX = 498;
/** From this number on, the last three digits of an order number are the number of its home. */
const NUMBERED_FROM = 1_000_000_000n;

const NAME = /^hot(?:-([1-9]\d{0,2}))?$/;

/** Whether `name` may be that of a hot home. */
export function isHotHome(name: string): boolean {
  const match = NAME.exec(name);
  return match !== null && Number(match[1] ?? 0) <= HOT_HOMES_MAX;
}

/** The pattern of the names of all homes. */
export const HOME_PATTERN = `regular|hot(?:-[1-9][0-9]{0,2})?`;

export function isHome(name: string): boolean {
  return name === REGULAR || isHotHome(name);
}

/** The schema of a home on its server. On the server of every hot home it is called `hot`. */
export function schemaOf(home: Home): Schema {
  return home === REGULAR ? 'regular' : 'hot';
}

/**
 * The number of a home: 1 for `regular`, 2 for `hot`, 2 n + 2 for `hot-n`. The last release takes every
 * odd order number for one of `regular` and every even one for one of `hot`.
 */
export function homeNumber(home: Home): number {
  if (home === REGULAR) return 1;
  return 2 * Number(NAME.exec(home)?.[1] ?? 0) + 2;
}

/** The home of an order. The routine `home_of_order` has the same rule. */
export function homeOfOrder(orderNo: string): Home {
  const no = BigInt(orderNo);
  const number = no < NUMBERED_FROM ? 2 - Number(no % 2n) : Number(no % 1_000n);
  if (number === 1) return REGULAR;
  return number === 2 ? 'hot' : `hot-${number / 2 - 1}`;
}
