import { InvalidArgumentError } from 'commander';
import { type Home, isHome } from '../../contracts/homes.ts';
import { isName, REASON_LENGTH_MAX, SCHEMAS, type Schema } from '../../contracts/names.ts';
import { parseShare, SHARE_FORM } from '../../contracts/shares.ts';

/** Parsers of command arguments; each throws InvalidArgumentError with the expected form. */

export function parseSchema(value: string): Schema {
  const schema = SCHEMAS.find((one) => one === value);
  if (schema === undefined) throw new InvalidArgumentError(`It is ${SCHEMAS.join(' or ')}.`);
  return schema;
}

/** For the help of a home's argument. */
export const HOME_FORM = 'regular, hot, or the name of a hot home such as hot-1';

/** The name of a home. Whether there is such a home, the databases tell. */
export function parseHome(value: string): Home {
  if (!isHome(value)) throw new InvalidArgumentError(`It is ${HOME_FORM}.`);
  return value;
}

/** A copy of a home's database, after those given before. Without a name, it is of the only server. */
export function parseCopy(
  value: string,
  before: ReadonlyMap<Home, string> = new Map(),
): ReadonlyMap<Home, string> {
  const [, name = '', url = ''] = /^(?:([a-z0-9-]+)=)?(postgres(?:ql)?:.*)$/.exec(value) ?? [];
  if (url === '' || (name !== '' && !isHome(name))) {
    throw new InvalidArgumentError('It is postgres://…, or with the home: hot-1=postgres://…');
  }
  return new Map([...before, [name, url]]);
}

/** A number of slots, 1 to 1,024. */
export function parseSlots(value: string): number {
  const slots = Number(value);
  if (!/^\d{1,4}$/.test(value) || slots < 1 || slots > 1_024) {
    throw new InvalidArgumentError('It is a number from 1 to 1024.');
  }
  return slots;
}

const PORT_MAX = 65_535;

export function parsePort(value: string): number {
  const port = Number(value);
  if (!/^\d{1,5}$/.test(value) || port < 1 || port > PORT_MAX) {
    throw new InvalidArgumentError(`It is a number from 1 to ${PORT_MAX}.`);
  }
  return port;
}

export function shareArgument(value: string): number {
  const share = parseShare(value);
  if (share === undefined) throw new InvalidArgumentError(`It is ${SHARE_FORM}.`);
  return share;
}

/** Reports on stderr, and to scripts by exit code 1, that the output lacks some homes. */
export function tellMissing(missing: readonly Home[]): void {
  if (missing.length === 0) return;
  console.error(`incomplete: no answer from the database of ${missing.join(' and ')}`);
  process.exitCode = 1;
}

/** Comma-separated names of SKUs. */
export function parseSkus(value: string): string[] {
  const skus = value.split(',');
  if (!skus.every(isName)) throw new InvalidArgumentError('They are names of SKUs: TV,Phone');
  return skus;
}

export const ALL_SCHEMAS: readonly string[] = [...SCHEMAS, 'catalog'];
/** For the help of a routine's argument. */
export const ROUTINE_FORM = 'such as place_orders (both schemas) or hot.place_orders';

/** `place_orders` names a routine in every schema, `hot.place_orders` in one. */
export function parseRoutine(value: string): { schemas: readonly string[]; name: string } {
  const match = /^(?:(regular|hot|catalog)\.)?([a-z_]+)$/.exec(value);
  const [, schema, name] = match ?? [];
  if (name === undefined) throw new InvalidArgumentError('It is like place_orders or hot.audit.');
  return { schemas: schema === undefined ? ALL_SCHEMAS : [schema], name };
}

/** A number of a kept version of a routine. */
export function parseVersion(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It is a number from 1.');
  return Number(value);
}

/** Why a person acts, for the record of actions. */
export function parseReason(value: string): string {
  const reason = value.trim();
  if (reason === '' || reason.length > REASON_LENGTH_MAX) {
    throw new InvalidArgumentError(`It is a text of 1 to ${REASON_LENGTH_MAX} characters.`);
  }
  return reason;
}
