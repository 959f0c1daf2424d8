/** Names that every process, the database and ZooKeeper share. */

/**
 * The two schemas of each database, with the same tables and routines. The server of a hot home uses
 * `hot` (contracts/homes.ts).
 */
export const SCHEMAS = ['regular', 'hot'] as const;
export type Schema = (typeof SCHEMAS)[number];

/**
 * The pattern of SKU and sale names. Such a name is safe in a ZooKeeper path, a URL and a ticket.
 */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$';
const NAME = new RegExp(NAME_PATTERN);

export function isName(value: string): boolean {
  return NAME.test(value);
}

/** The most units that one request may ask for. The limit of a SKU is never higher. */
export const REQUEST_UNITS_MAX = 100;

/** The longest accepted user id (`sub` of the shop's JWT), in characters. */
export const USER_ID_LENGTH_MAX = 128;

/** The longest reason of a person for an action, as catalog.action allows it, in characters. */
export const REASON_LENGTH_MAX = 1_000;
