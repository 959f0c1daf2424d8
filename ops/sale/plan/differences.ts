import { isDeepStrictEqual } from 'node:util';

/** The values in which two descriptions differ. Pure. */

export interface Difference {
  /** Such as `price` or `presentation.title.de`. */
  readonly field: string;
  /** Null: there is none. */
  readonly from: string | null;
  readonly to: string | null;
}

type Facts = Readonly<Record<string, unknown>>;

/** Differences from `before`, which is undefined for something new, to `after`. */
export function differences(before: Facts | undefined, after: Facts): Difference[] {
  const old = new Map(leaves(before ?? {}));
  const fresh = new Map(leaves(after));
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((field) => {
    const [from, to] = [old.get(field), fresh.get(field)];
    return isDeepStrictEqual(from, to) ? [] : [{ field, from: shown(from), to: shown(to) }];
  });
}

/** The values inside a description by their paths, without those that are undefined. */
function leaves(facts: Facts, prefix = ''): [string, unknown][] {
  return Object.entries(facts).flatMap(([name, value]): [string, unknown][] => {
    if (value === undefined) return [];
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup && !(value instanceof Date) ? leaves(value as Facts, path) : [[path, value]];
  });
}

function shown(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(', ') : String(value);
}
