import { createHash, randomBytes } from 'node:crypto';

/**
 * A rehearsal sells a shadow of a sale. Its name alone makes a sale a shadow: a name cannot be changed, all
 * servers know the same one, and every trace of the shadow has the name in it. The catalogue does
 * not list it, its events go to nobody, and it may be removed at any time. Nobody can guess its random part.
 *
 * catalog.is_rehearsal says the same in SQL.
 */

/** For SQL as well, so it uses only what both kinds of regular expressions have. */
export const REHEARSAL_PATTERN = '^rehearsal-[0-9a-f]{8}-[0-9a-f]{16}(-[0-9]{1,2})?$';
const REHEARSAL = new RegExp(REHEARSAL_PATTERN);

/** Whether this is the name of a shadow, or of a SKU of one. */
export function isRehearsal(name: string): boolean {
  return REHEARSAL.test(name);
}

/** How the names of all shadows of a sale begin. The name of the sale itself may be too long for it. */
function stemOf(sale: string): string {
  return `rehearsal-${createHash('sha256').update(sale).digest('hex').slice(0, 8)}-`;
}

export function newRehearsal(sale: string): string {
  return stemOf(sale) + randomBytes(8).toString('hex');
}

/** @param position of the SKU in its sale, from 1 to 99 */
export function skuOfRehearsal(shadow: string, position: number): string {
  return `${shadow}-${position}`;
}

/** The shadows of a sale among names of sales and SKUs. */
export function rehearsalsOf(sale: string, names: Iterable<string>): string[] {
  const stem = stemOf(sale);
  const found = [...names].filter((name) => isRehearsal(name) && name.startsWith(stem));
  return [...new Set(found.map((name) => name.slice(0, stem.length + 16)))];
}
