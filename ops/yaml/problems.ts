import type { ErrorObject } from 'ajv';
import { type PathOfFile, type Position, type Positions, pathText } from './positions.ts';

/** Describes the faults of a YAML file in words. */

export interface FileProblem extends Position {
  /** Where in the file's structure, such as `skus[0].price`; empty for the file itself. */
  readonly path: string;
  readonly message: string;
}

/** A file cannot be used. `problems` has everything that is wrong with it, in the order of the file. */
export class FileError extends Error {
  override name = 'FileError';
  readonly problems: readonly FileProblem[];

  constructor(file: string, problems: readonly FileProblem[]) {
    const lines = problems.map(
      ({ line, column, path, message }) =>
        `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
    );
    super(lines.join('\n'));
    this.problems = problems;
  }
}

export function problemAt(position: Position, path: PathOfFile, message: string): FileProblem {
  return { ...position, path: pathText(path), message };
}

/** Each error is compared with the others. Nobody mends more at once; the rest is told next time. */
const ERRORS_MAX = 200;

/** The errors of the validator as problems, one for each place. */
export function schemaProblems(all: readonly ErrorObject[], positions: Positions): FileProblem[] {
  const errors = all.slice(0, ERRORS_MAX);
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf');
  return errors.flatMap((error) => {
    const path = pathOf(error.instancePath);
    // The union says what is expected, unless a part of its value is wrong.
    const union = unions.find(({ schemaPath }) => isWithin(error.schemaPath, schemaPath));
    if (union !== undefined && error !== union) {
      const isBelow = error.instancePath !== union.instancePath || isKeyError(error);
      if (!isBelow || typeof union.data !== 'object' || union.data === null) return [];
    }
    const hides = (other: ErrorObject) =>
      other !== error &&
      isWithin(other.schemaPath, error.schemaPath) &&
      (other.instancePath !== error.instancePath || isKeyError(other));
    const isGroup = typeof error.data === 'object' && error.data !== null;
    if (error.keyword === 'anyOf' && isGroup && errors.some(hides)) return [];
    return [toProblem(error, path, positions)];
  });
}

function isWithin(schemaPath: string, union: string): boolean {
  return schemaPath.startsWith(`${union}/`);
}

function isKeyError({ keyword }: ErrorObject): boolean {
  return keyword === 'additionalProperties' || keyword === 'minProperties';
}

function toProblem(error: ErrorObject, path: PathOfFile, positions: Positions): FileProblem {
  const { keyword, params, parentSchema } = error;
  if (keyword === 'additionalProperties') {
    const key = String(params['additionalProperty']);
    const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {});
    const like = mostLike(key, known);
    const hint =
      like === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${like}?`;
    return problemAt(positions.ofKey(path, key), [...path, key], `there is no such key; ${hint}`);
  }
  if (keyword === 'required') {
    const key = String(params['missingProperty']);
    const properties = parentSchema?.['properties'] as Record<string, { description?: string }>;
    const expected = properties[key]?.description ?? 'a value';
    return problemAt(
      positions.ofValue(path),
      [...path, key],
      `it is missing; expected ${expected}`,
    );
  }
  const expected = parentSchema?.['description'] ?? error.message;
  const found = positions.textOf(path);
  return problemAt(positions.ofValue(path), path, `${found} is not allowed; expected ${expected}`);
}

function pathOf(instancePath: string): (string | number)[] {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** The known name that takes the fewest changes of a letter, if they are few. */
function mostLike(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((one) => ({ one, changes: changesBetween(name.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.changes - b.changes);
  const [best] = ranked;
  return best !== undefined && best.changes <= Math.max(1, name.length / 2.5)
    ? best.one
    : undefined;
}

/** Levenshtein's distance. */
function changesBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, letterOfOther] of [...other].entries()) {
      const replaced = (row[j] ?? 0) + Number(letter !== letterOfOther);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
