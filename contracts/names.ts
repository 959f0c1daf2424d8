/** Names that every process, the database and ZooKeeper share. */

/** The two schemas with identical tables and routines; hot SKUs live alone. */
export const SCHEMAS = ['regular', 'hot'] as const;
export type Schema = (typeof SCHEMAS)[number];

/** The shape of a SKU's and of a sale's name: also safe in a ZooKeeper path, a URL and a ticket. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$';
const NAME = new RegExp(NAME_PATTERN);

export function isName(value: string): boolean {
  return NAME.test(value);
}

/** The most units that one request may ask for; a SKU's own limit is at most this. */
export const REQUEST_UNITS_MAX = 100;

/** The longest user id (`sub` of the shop's JWT) that is taken, in characters. */
export const USER_ID_LENGTH_MAX = 128;
